import { Component, computed, inject, input, linkedSignal } from "@angular/core";
import { MatIconButton } from "@angular/material/button";
import { MatTooltip } from "@angular/material/tooltip";
import { RouterLink } from "@angular/router";
import { CostService } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import { TraceService, type Span } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import { Icon } from "../icons/icon.ts";
import { UsdCell } from "../money/usd-cell.ts";
import { UsdPipe } from "../money/usd-pipe.ts";
import { mostDecimals } from "../money/usd.ts";
import { CopyButton } from "../page/copy-button.ts";
import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { StatusChip } from "../page/status-chip.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { DurationPipe } from "../time/duration-pipe.ts";
import { Instant } from "../time/instant.ts";
import { SpanDetail } from "./span-detail.ts";
import { WaterfallView } from "./waterfall-view.ts";
import { layOutWaterfall } from "./waterfall.ts";

/** Spans that are fetched at most; beyond them a note says that there are more. */
const MAX_SPANS = 1_000;

@Component({
  selector: "gwo-trace-page",
  imports: [
    CopyButton,
    DurationPipe,
    EmptyState,
    FailureState,
    Icon,
    Instant,
    MatIconButton,
    MatTooltip,
    RouterLink,
    Skeleton,
    SpanDetail,
    StatusChip,
    UsdCell,
    UsdPipe,
    WaterfallView,
  ],
  templateUrl: "./trace-page.html",
  styleUrl: "./trace-page.scss",
})
export class TracePage {
  private readonly traceClient = injectClient(TraceService);
  private readonly costClient = injectClient(CostService);
  private readonly maySeeCosts = inject(Session).can("costs:read");

  /** Trace id, from the address. */
  readonly traceId = input.required<string>();

  protected readonly trace = createQuery({
    params: this.traceId,
    load: async (traceId, signal) => {
      const [{ trace }, spans] = await Promise.all([
        this.traceClient.getTrace({ traceId }, { signal }),
        this.allSpans(traceId, signal),
      ]);
      return { summary: trace, ...spans };
    },
  });
  protected readonly calls = createQuery({
    params: () => (this.maySeeCosts ? this.traceId() : undefined),
    load: async (traceId, signal) =>
      (await this.costClient.getTraceCost({ traceId }, { signal })).calls,
  });

  protected readonly callDecimals = computed(() =>
    mostDecimals((this.calls.data() ?? []).map((call) => call.costUsdMicros)),
  );
  protected readonly waterfall = computed(() => layOutWaterfall(this.trace.data()?.spans ?? []));
  protected readonly selected = linkedSignal<Span | undefined>(
    () => this.waterfall().rows[0]?.span,
  );

  protected reload(): void {
    this.trace.reload();
    this.calls.reload();
  }

  private async allSpans(
    traceId: string,
    signal: AbortSignal,
  ): Promise<{ spans: Span[]; cutOff: boolean }> {
    const spans: Span[] = [];
    let cursor = "";
    for (;;) {
      const page = await this.traceClient.listSpans({ traceId, limit: 200, cursor }, { signal });
      spans.push(...page.spans);
      if (!page.hasMore || page.cursor === "") return { spans, cutOff: false };
      if (spans.length >= MAX_SPANS) return { spans, cutOff: true };
      cursor = page.cursor;
    }
  }
}
