import { Component, computed, input } from "@angular/core";
import type { CostBreakdown } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";

import { UsdCell } from "../money/usd-cell.ts";
import { mostDecimals, shareInPermille } from "../money/usd.ts";

const SHOWN = 6;

/** The groups that cost most. */
@Component({
  selector: "gwo-top-spend",
  imports: [UsdCell],
  template: `<div class="card">
    <div class="card-head">
      <h2>{{ heading() }}</h2>
      <span class="muted num">{{ period() }}</span>
    </div>
    <table class="data">
      <thead>
        <tr>
          <th scope="col">{{ group() }}</th>
          <th scope="col" class="right">Calls</th>
          <th scope="col" class="right">Spend</th>
        </tr>
      </thead>
      <tbody>
        @for (row of shown(); track row.group) {
          <tr>
            <td>
              <div class="group">{{ row.group }}</div>
              <div class="track"><div class="bar" [style.width.%]="row.percent"></div></div>
            </td>
            <td class="right">{{ row.calls.toLocaleString() }}</td>
            <td class="right">
              <gwo-usd-cell [usdMicros]="row.costUsdMicros" [decimals]="decimals()" />
            </td>
          </tr>
        }
      </tbody>
    </table>
  </div>`,
  styles: `
    td {
      padding-block: 7px;
    }
    td:first-child {
      width: 100%;
    }
    .group {
      overflow-wrap: anywhere;
    }
    .track {
      height: 3px;
      margin-top: 3px;
      border-radius: 2px;
      background: var(--mat-sys-surface-container-highest);
    }
    .bar {
      height: 100%;
      border-radius: inherit;
      background: var(--mat-sys-primary);
      opacity: 0.7;
    }
  `,
})
export class TopSpend {
  readonly heading = input.required<string>();
  readonly period = input.required<string>();
  /** Name of what is grouped by. */
  readonly group = input.required<string>();
  /** The breakdown by falling cost. */
  readonly rows = input.required<readonly CostBreakdown[]>();

  protected readonly decimals = computed(() =>
    mostDecimals(this.shown().map((row) => row.costUsdMicros)),
  );
  protected readonly shown = computed(() => {
    const top = this.rows().slice(0, SHOWN);
    const most = top[0]?.costUsdMicros ?? 0n;
    return top.map((row) => ({
      group: row.group,
      calls: row.calls,
      costUsdMicros: row.costUsdMicros,
      percent: shareInPermille(row.costUsdMicros, most) / 10,
    }));
  });
}
