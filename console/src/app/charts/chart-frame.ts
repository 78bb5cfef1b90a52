import type { EChartsCoreOption } from "echarts/core";

import type { ChartLook } from "./chart-look.ts";

/** What to draw on a category axis. */
export interface ChartContent {
  /** Labels of the categories, in order. */
  readonly categories: readonly string[];
  readonly series: readonly object[];
  /** Writes a value of the axis. */
  readonly formatValue: (value: number) => string;
  /** True: whole numbers only on the value axis. */
  readonly integers?: boolean;
  /** True: bars lie, categories are on the left, the first on top. */
  readonly lying?: boolean;
  readonly legend?: boolean;
}

/** The options of a chart in the console's style. */
export function chartFrame(content: ChartContent, look: ChartLook): EChartsCoreOption {
  const lying = content.lying === true;
  const font = { color: look.text, fontSize: 11, fontFamily: "system-ui, sans-serif" };
  const categoryAxis = {
    type: "category",
    data: content.categories,
    inverse: lying,
    axisTick: { show: false },
    axisLine: { lineStyle: { color: look.line } },
    axisLabel: lying
      ? { ...font, width: 150, overflow: "truncate" }
      : { ...font, hideOverlap: true },
  };
  const valueAxis = {
    type: "value",
    min: 0,
    splitNumber: 3,
    ...(content.integers === true ? { minInterval: 1 } : {}),
    splitLine: { lineStyle: { color: look.line } },
    axisLabel: { ...font, hideOverlap: true, formatter: content.formatValue },
  };
  return {
    animation: false,
    grid: {
      left: 4,
      right: lying ? 24 : 8,
      top: content.legend === true ? 34 : 14,
      bottom: 2,
      outerBoundsMode: "same",
      outerBoundsContain: "axisLabel",
    },
    ...(content.legend === true
      ? {
          legend: {
            top: 0,
            right: 4,
            itemWidth: 10,
            itemHeight: 10,
            icon: "roundRect",
            textStyle: font,
          },
        }
      : {}),
    tooltip: {
      trigger: "axis",
      confine: true,
      axisPointer: { type: "shadow", shadowStyle: { color: look.primaryFaint } },
      backgroundColor: look.tooltip,
      borderColor: look.line,
      textStyle: { color: look.tooltipText, fontSize: 12, fontFamily: "system-ui, sans-serif" },
      valueFormatter: (value: unknown) =>
        typeof value === "number" ? content.formatValue(value) : "—",
    },
    xAxis: lying ? valueAxis : categoryAxis,
    yAxis: lying ? categoryAxis : valueAxis,
    series: content.series,
  };
}
