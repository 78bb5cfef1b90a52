import type { UsagePoint } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import type { EChartsCoreOption } from "echarts/core";

import { chartFrame } from "../charts/chart-frame.ts";
import type { ChartLook } from "../charts/chart-look.ts";
import { formatAxisUsd, toAxis } from "../charts/usd-axis.ts";
import { formatDurationMs } from "../time/duration.ts";

const COUNT = new Intl.NumberFormat();
const BAR = { type: "bar", barCategoryGap: "20%", barMaxWidth: 28 };

export interface UsageChartData {
  readonly points: readonly UsagePoint[];
  readonly labels: readonly string[];
}

/** Calls per step, those that failed on top. */
export function callsChart(data: UsageChartData, look: ChartLook): EChartsCoreOption {
  return chartFrame(
    {
      categories: data.labels,
      integers: true,
      legend: true,
      formatValue: (value) => COUNT.format(value),
      series: [
        {
          ...BAR,
          name: "Succeeded",
          stack: "calls",
          color: look.primary,
          data: data.points.map((point) => Number(point.calls - point.errors)),
        },
        {
          ...BAR,
          name: "Failed",
          stack: "calls",
          color: look.bad,
          data: data.points.map((point) => Number(point.errors)),
        },
      ],
    },
    look,
  );
}

/** p95 latency per step; no line where there were no calls. */
export function p95Chart(data: UsageChartData, look: ChartLook): EChartsCoreOption {
  const values = data.points.map((point) => (point.calls === 0n ? null : point.p95Ms));
  const alone = (index: number): boolean =>
    (values[index - 1] ?? null) === null && (values[index + 1] ?? null) === null;
  return chartFrame(
    {
      categories: data.labels,
      formatValue: (value) => (value === 0 ? "0" : formatDurationMs(value)),
      series: [
        {
          type: "line",
          name: "p95",
          color: look.accent,
          lineStyle: { width: 2 },
          symbol: "circle",
          // A step between two empty ones has no line to be seen by.
          symbolSize: (_value: unknown, at: { dataIndex: number }) => (alone(at.dataIndex) ? 5 : 0),
          data: values,
        },
      ],
    },
    look,
  );
}

/** Spend per step. */
export function spendChart(data: UsageChartData, look: ChartLook): EChartsCoreOption {
  return chartFrame(
    {
      categories: data.labels,
      formatValue: formatAxisUsd,
      series: [
        {
          ...BAR,
          name: "Spend",
          color: look.money,
          data: data.points.map((point) => toAxis(point.costUsdMicros)),
        },
      ],
    },
    look,
  );
}
