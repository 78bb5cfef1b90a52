import { DOCUMENT } from "@angular/common";
import { Component, computed, inject, input } from "@angular/core";
import { MatButton } from "@angular/material/button";
import { MatFormField, MatLabel } from "@angular/material/form-field";
import { MatInput } from "@angular/material/input";
import { MatOption, MatSelect } from "@angular/material/select";
import { Router, RouterLink } from "@angular/router";
import { CostService } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";

import { injectChartLook } from "../charts/chart-look.ts";
import { Chart } from "../charts/chart.ts";
import { Icon } from "../icons/icon.ts";
import { UsdCell } from "../money/usd-cell.ts";
import { UsdPipe } from "../money/usd-pipe.ts";
import { formatUsd, mostDecimals } from "../money/usd.ts";
import { BusyLine } from "../page/busy-line.ts";
import { CallHint } from "../page/call-hint.ts";
import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { DATE_PRESETS, datesOf, isDate, utcDate, type DatePresetId } from "../time/time-range.ts";
import { costChart, SHOWN_GROUPS } from "./cost-chart.ts";
import { COST_GROUPS, costFilterFrom, type CostFilter } from "./cost-filter.ts";
import { costCsv, costRows, fillDays } from "./cost-rows.ts";

@Component({
  selector: "gwo-cost-page",
  imports: [
    BusyLine,
    CallHint,
    Chart,
    EmptyState,
    FailureState,
    Icon,
    MatButton,
    MatFormField,
    MatInput,
    MatLabel,
    MatOption,
    MatSelect,
    RouterLink,
    Skeleton,
    UsdCell,
    UsdPipe,
  ],
  templateUrl: "./cost-page.html",
  styleUrl: "./cost-page.scss",
})
export class CostPage {
  private readonly client = injectClient(CostService);
  private readonly router = inject(Router);
  private readonly document = inject(DOCUMENT);
  private readonly look = injectChartLook();

  // The filter lives in the address, so that a view can be shared and the back button works.
  readonly from = input<string>();
  readonly to = input<string>();
  readonly by = input<string>();

  protected readonly groups = COST_GROUPS;
  protected readonly presets = DATE_PRESETS;
  protected readonly filter = computed<CostFilter>(
    () => costFilterFrom({ from: this.from(), to: this.to(), by: this.by() }, Date.now()),
    { equal: (a, b) => JSON.stringify(a) === JSON.stringify(b) },
  );
  protected readonly activePreset = computed(() => {
    const { startDate, endDate } = this.filter();
    return DATE_PRESETS.find((preset) => {
      const dates = datesOf(preset.id, Date.now());
      return dates.startDate === startDate && dates.endDate === endDate;
    })?.id;
  });

  protected readonly costs = createQuery({
    params: this.filter,
    keepPrevious: true,
    load: async (filter, signal) => {
      const { startDate, endDate, group } = filter;
      const { summary, breakdown } = await this.client.getCostSummary(
        { startDate, endDate, groupBy: group.groupBy },
        { signal },
      );
      const totalUsdMicros = summary?.totalCostUsdMicros ?? 0n;
      return {
        filter,
        totalUsdMicros,
        decimals: mostDecimals([totalUsdMicros, ...breakdown.map((line) => line.costUsdMicros)]),
        calls: summary?.totalCalls ?? 0n,
        errors: summary?.totalErrors ?? 0n,
        rows: costRows(breakdown, totalUsdMicros),
      };
    },
  });
  protected readonly chart = computed(() => {
    const costs = this.costs.data();
    if (costs === undefined) return undefined;
    const { filter, rows } = costs;
    const drawn = filter.group.id === "day" ? fillDays(rows, filter) : rows;
    const bars = Math.min(drawn.length, SHOWN_GROUPS);
    return {
      options: costChart({ rows: drawn, time: filter.group.time }, this.look()),
      height: filter.group.time ? 240 : 48 + bars * 30,
      label: `Cost by ${filter.group.label.toLowerCase()}, ${filter.startDate} to ${filter.endDate}: ${formatUsd(costs.totalUsdMicros)} in all. The table below has the figures.`,
    };
  });

  protected choosePreset(preset: DatePresetId): void {
    const { startDate, endDate } = datesOf(preset, Date.now());
    this.narrow({ from: startDate, to: endDate });
  }

  /** Takes a day from one of the two fields; the other follows when it would lie on the wrong side. */
  protected chooseDay(end: "from" | "to", day: string): void {
    if (!isDate(day)) return;
    const { startDate, endDate } = this.filter();
    if (end === "from") this.narrow({ from: day, to: day > endDate ? day : endDate });
    else this.narrow({ from: day < startDate ? day : startDate, to: day });
  }

  protected narrow(queryParams: Partial<Record<"from" | "to" | "by", string>>): void {
    void this.router.navigate([], { queryParams, queryParamsHandling: "merge" });
  }

  protected download(): void {
    const costs = this.costs.data();
    if (costs === undefined) return;
    const { filter, rows } = costs;
    const url = URL.createObjectURL(
      new Blob([costCsv(rows, filter.group.label)], { type: "text/csv" }),
    );
    const link = this.document.createElement("a");
    link.href = url;
    link.download = `gatewayops-costs-${filter.startDate}-${filter.endDate}-by-${filter.group.id}.csv`;
    link.click();
    URL.revokeObjectURL(url);
  }

  protected percent(permille: number): string {
    return `${(permille / 10).toFixed(1)} %`;
  }

  protected readonly today = utcDate(Date.now());
}
