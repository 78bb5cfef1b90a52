import { Component, computed, inject, input } from "@angular/core";
import { MatIconButton } from "@angular/material/button";
import { MatButtonToggle, MatButtonToggleGroup } from "@angular/material/button-toggle";
import { MatTooltip } from "@angular/material/tooltip";
import { Router, RouterLink } from "@angular/router";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CostService, GroupBy } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";

import { injectChartLook } from "../charts/chart-look.ts";
import { Chart } from "../charts/chart.ts";
import { Icon } from "../icons/icon.ts";
import { UsdPipe } from "../money/usd-pipe.ts";
import { formatUsd } from "../money/usd.ts";
import { BusyLine } from "../page/busy-line.ts";
import { CallHint } from "../page/call-hint.ts";
import { EmptyState } from "../page/empty-state.ts";
import { FailureState } from "../page/failure-state.ts";
import { Skeleton } from "../page/skeleton.ts";
import { createQuery } from "../rpc/query.ts";
import { injectClient } from "../rpc/transport.ts";
import { Session } from "../session/session.ts";
import { createAutoRefresh } from "../time/auto-refresh.ts";
import { DurationPipe } from "../time/duration-pipe.ts";
import { formatDurationMs } from "../time/duration.ts";
import { spanOf, steppedSpanOf, TIME_RANGES, timeRangeOf, utcDaysOf } from "../time/time-range.ts";
import { formatTime } from "../time/time-zone.ts";
import { TopSpend } from "./top-spend.ts";
import { callsChart, p95Chart, spendChart } from "./usage-charts.ts";
import { formatPermille, stepLabels, usageFigures } from "./usage-figures.ts";

@Component({
  selector: "gwo-dashboard",
  imports: [
    BusyLine,
    CallHint,
    Chart,
    DurationPipe,
    EmptyState,
    FailureState,
    Icon,
    MatButtonToggle,
    MatButtonToggleGroup,
    MatIconButton,
    MatTooltip,
    RouterLink,
    Skeleton,
    TopSpend,
    UsdPipe,
  ],
  templateUrl: "./dashboard.html",
  styleUrl: "./dashboard.scss",
})
export class Dashboard {
  private readonly costs = injectClient(CostService);
  private readonly router = inject(Router);
  private readonly look = injectChartLook();

  /** Id of the time range, from the address. */
  readonly range = input<string>();

  protected readonly ranges = TIME_RANGES;
  protected readonly selected = computed(() => timeRangeOf(this.range()));
  protected readonly refresh = createAutoRefresh();
  protected readonly maySeeTraces = inject(Session).can("traces:read");

  protected readonly usage = createQuery({
    params: this.selected,
    refresh: this.refresh.tick,
    keepPrevious: true,
    load: async (range, signal) => {
      const { startMs, endMs } = steppedSpanOf(range, Date.now());
      const { points, stepSeconds, p95Ms } = await this.costs.getUsageSeries(
        {
          startTime: timestampFromMs(startMs),
          endTime: timestampFromMs(endMs),
          stepSeconds: range.stepSeconds,
        },
        { signal },
      );
      return { points, p95Ms, labels: stepLabels(points, stepSeconds) };
    },
  });
  protected readonly top = createQuery({
    params: this.selected,
    refresh: this.refresh.tick,
    keepPrevious: true,
    load: async (range, signal) => {
      const days = utcDaysOf(spanOf(range, Date.now()));
      const [servers, tools] = await Promise.all([
        this.costs.getCostSummary({ ...days, groupBy: GroupBy.SERVER }, { signal }),
        this.costs.getCostSummary({ ...days, groupBy: GroupBy.TOOL }, { signal }),
      ]);
      const period =
        days.startDate === days.endDate ? days.startDate : `${days.startDate} – ${days.endDate}`;
      return { period: `${period}, UTC`, servers: servers.breakdown, tools: tools.breakdown };
    },
  });

  protected readonly figures = computed(() => {
    const usage = this.usage.data();
    if (usage === undefined) return undefined;
    const figures = usageFigures(usage.points);
    return {
      ...figures,
      p95Ms: usage.p95Ms,
      errorShare: formatPermille(figures.errorPermille, figures.errors),
    };
  });
  protected readonly charts = computed(() => {
    const usage = this.usage.data();
    const figures = this.figures();
    if (usage === undefined || figures === undefined || figures.calls === 0n) return undefined;
    const period = this.selected().label.toLowerCase();
    return {
      calls: callsChart(usage, this.look()),
      callsLabel: `Calls over the ${period}: ${String(figures.calls)}, of which ${String(figures.errors)} failed`,
      p95: p95Chart(usage, this.look()),
      p95Label: `95th percentile of latency over the ${period}: ${formatDurationMs(figures.p95Ms)}`,
      spend: spendChart(usage, this.look()),
      spendLabel: `Spend over the ${period}: ${formatUsd(figures.costUsdMicros)}`,
    };
  });
  protected readonly updated = computed(() => {
    const timeMs = this.usage.loadedAtMs();
    return timeMs === undefined ? undefined : formatTime(timeMs, timeMs);
  });

  protected choose(id: string): void {
    void this.router.navigate([], { queryParams: { range: id }, replaceUrl: true });
  }

  protected reload(): void {
    this.usage.reload();
    this.top.reload();
  }
}
