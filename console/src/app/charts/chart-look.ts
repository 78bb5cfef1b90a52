import { computed, inject, type Signal } from "@angular/core";

import { Theme } from "../theme/theme.ts";

/** Colours of charts. ECharts cannot resolve CSS variables, so they are named here once per theme. */
export interface ChartLook {
  readonly text: string;
  readonly line: string;
  readonly tooltip: string;
  readonly tooltipText: string;
  readonly primary: string;
  readonly primaryFaint: string;
  readonly bad: string;
  readonly accent: string;
  readonly money: string;
}

const LIGHT: ChartLook = {
  text: "#59616e",
  line: "#e8ebf0",
  tooltip: "#ffffff",
  tooltipText: "#171b22",
  primary: "#5b7fe0",
  primaryFaint: "rgba(91, 127, 224, 0.12)",
  bad: "#d64b41",
  accent: "#7a57c9",
  money: "#1f9c7a",
};
const DARK: ChartLook = {
  text: "#9aa4b2",
  line: "#262c36",
  tooltip: "#232934",
  tooltipText: "#e6e9ef",
  primary: "#7d9cf2",
  primaryFaint: "rgba(125, 156, 242, 0.14)",
  bad: "#f0776c",
  accent: "#b49af0",
  money: "#4cc3a1",
};

/** The look that fits the theme. */
export function injectChartLook(): Signal<ChartLook> {
  const theme = inject(Theme);
  return computed(() => (theme.dark() ? DARK : LIGHT));
}
