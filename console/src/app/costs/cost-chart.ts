import type { EChartsCoreOption } from "echarts/core";

import { chartFrame } from "../charts/chart-frame.ts";
import type { ChartLook } from "../charts/chart-look.ts";
import { formatAxisUsd, toAxis } from "../charts/usd-axis.ts";
import type { CostRow } from "./cost-rows.ts";

/** How many groups a chart of lying bars shows; the table below has all. */
export const SHOWN_GROUPS = 12;

/** Cost per group: standing bars over time, else lying bars of the dearest. */
export function costChart(
  content: { rows: readonly CostRow[]; time: boolean },
  look: ChartLook,
): EChartsCoreOption {
  const rows = content.time ? content.rows : content.rows.slice(0, SHOWN_GROUPS);
  return chartFrame(
    {
      categories: rows.map((row) => row.group),
      lying: !content.time,
      formatValue: formatAxisUsd,
      series: [
        {
          type: "bar",
          name: "Cost",
          color: look.money,
          barCategoryGap: content.time ? "20%" : "35%",
          barMaxWidth: content.time ? 36 : 16,
          data: rows.map((row) => toAxis(row.costUsdMicros)),
        },
      ],
    },
    look,
  );
}
