import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { UsagePoint } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";

import { shareInPermille, sumUsdMicros } from "../money/usd.ts";

/** Totals of a series. */
export interface UsageFigures {
  readonly calls: bigint;
  readonly errors: bigint;
  /** Share of errors in tenths of a percent. */
  readonly errorPermille: number;
  readonly costUsdMicros: bigint;
}

export function usageFigures(points: readonly UsagePoint[]): UsageFigures {
  let calls = 0n;
  let errors = 0n;
  for (const point of points) {
    calls += point.calls;
    errors += point.errors;
  }
  return {
    calls,
    errors,
    errorPermille: shareInPermille(errors, calls),
    costUsdMicros: sumUsdMicros(points.map((point) => point.costUsdMicros)),
  };
}

/** Writes tenths of a percent: "12.5 %"; "< 0.1 %" where rounding would hide that there is something. */
export function formatPermille(permille: number, part: bigint): string {
  if (permille === 0 && part > 0n) return "< 0.1 %";
  return `${(permille / 10).toFixed(1)} %`;
}

/** Labels of a series' steps in local time: the clock within a day, day and clock within a week, else the day. */
export function stepLabels(points: readonly UsagePoint[], stepSeconds: number): string[] {
  const format = new Intl.DateTimeFormat(
    undefined,
    stepSeconds <= 1_800
      ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }
      : { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  );
  return points.map((point) =>
    point.time === undefined ? "" : format.format(timestampMs(point.time)),
  );
}
