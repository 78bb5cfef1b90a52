import { Component, computed, input } from "@angular/core";
import { RouterLink } from "@angular/router";
import type { Span } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import { UsdPipe } from "../money/usd-pipe.ts";
import { CopyButton } from "../page/copy-button.ts";
import { StatusChip } from "../page/status-chip.ts";
import { DurationPipe } from "../time/duration-pipe.ts";
import { Instant } from "../time/instant.ts";
import { idKindOf } from "./trace-filter.ts";

/** Everything that is known of a span. */
@Component({
  selector: "gwo-span-detail",
  imports: [CopyButton, DurationPipe, Instant, RouterLink, StatusChip, UsdPipe],
  host: { role: "region", "aria-label": "Span", "data-testid": "span-detail" },
  template: `<div class="card-head">
      <h2>{{ span().operation }}</h2>
      <gwo-status-chip [status]="span().status" />
    </div>
    <dl>
      <div>
        <dt>Began</dt>
        <dd><gwo-instant [time]="span().startTime" /></dd>
      </div>
      <div>
        <dt>Duration</dt>
        <dd class="num">{{ span().durationUs | duration: "us" }}</dd>
      </div>
      @if (span().mcpServer) {
        <div>
          <dt>Server</dt>
          <dd>{{ span().mcpServer }}</dd>
        </div>
      }
      @if (span().toolName) {
        <div>
          <dt>Tool</dt>
          <dd>{{ span().toolName }}</dd>
        </div>
      }
      @if (span().costUsdMicros) {
        <div>
          <dt>Cost</dt>
          <dd class="num">{{ span().costUsdMicros | usd }}</dd>
        </div>
      }
      @if (span().requestSize || span().responseSize) {
        <div>
          <dt>Bytes in / out</dt>
          <dd class="num">
            {{ span().requestSize.toLocaleString() }} / {{ span().responseSize.toLocaleString() }}
          </dd>
        </div>
      }
      <div>
        <dt>Span id</dt>
        <dd class="id">
          <code>{{ span().spanId }}</code><gwo-copy-button
            [text]="span().spanId"
            label="Copy span id"
          />
        </dd>
      </div>
    </dl>
    @if (attributes().length > 0) {
      <h3>Attributes</h3>
      <dl class="attributes">
        @for (attribute of attributes(); track attribute.name) {
          <div>
            <dt class="mono">{{ attribute.name }}</dt>
            <dd class="mono">
              @if (attribute.isRequestId) {
                <a [routerLink]="['/calls', attribute.value]">{{ attribute.value }}</a>
              } @else {
                {{ attribute.value }}
              }
            </dd>
          </div>
        }
      </dl>
    }`,
  styles: `
    :host {
      display: block;
      padding-bottom: 12px;
    }
    h2 {
      overflow-wrap: anywhere;
    }
    h3 {
      padding: 8px 16px 2px;
      font-size: 12px;
      font-weight: 600;
    }
    dl {
      display: grid;
      gap: 4px;
      padding: 8px 16px 4px;
    }
    dl > div {
      display: flex;
      align-items: baseline;
      justify-content: space-between;
      gap: 16px;
    }
    dt {
      flex: none;
      color: var(--gwo-muted);
    }
    dd {
      min-width: 0;
      text-align: right;
      overflow-wrap: anywhere;
    }
    .attributes > div {
      display: block;
      padding: 2px 0;
    }
    .attributes dd {
      text-align: left;
    }
    .mono {
      font-size: 12px;
      line-height: 17px;
    }
    .id {
      display: flex;
      align-items: center;
      margin-right: -6px;
    }
  `,
})
export class SpanDetail {
  readonly span = input.required<Span>();

  protected readonly attributes = computed(() =>
    Object.entries(this.span().attributes)
      .sort(([a], [b]) => a.localeCompare(b))
      .map(([name, value]) => ({ name, value, isRequestId: idKindOf(value) === "request" })),
  );
}
