import { Failure } from "@gatewayops/platform/errors";

/** A half-open period in milliseconds since 1970-01-01 UTC, both ends whole minutes. */
export type Period = { readonly startMs: number; readonly endMs: number };

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Longest period of a summary: a little more than the ledger keeps. */
const DAYS_MAX = 400;

/** The period of whole days, UTC, from the first to the last, which is included. */
export function periodOfDates(startDate: string, endDate: string, daysMax = DAYS_MAX): Period {
  const startMs = dayOf("start_date", startDate);
  const endMs = dayOf("end_date", endDate) + DAY_MS;
  if (endMs <= startMs) throw invalid("end_date", "must not be before start_date");
  if (endMs - startMs > daysMax * DAY_MS)
    throw invalid("end_date", `must be at most ${daysMax} days after start_date`);
  return { startMs, endMs };
}

/** Steps of a series. */
export type Steps = Period & { readonly stepSeconds: number; readonly count: number };

/** Lengths that are chosen when none is given, in seconds. */
const STEPS_SECONDS = [
  60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800,
];
const CHOSEN_STEPS_MAX = 60;
const STEPS_MAX = 2_000;

/**
 * Steps of a period, which is widened to whole minutes, since the sums are by minute. The last step may reach beyond
 * the end; it holds only what lies before it.
 */
export function stepsOf(period: Period, stepSeconds: number): Steps {
  const startMs = Math.floor(period.startMs / MINUTE_MS) * MINUTE_MS;
  const endMs = Math.ceil(period.endMs / MINUTE_MS) * MINUTE_MS;
  if (endMs <= startMs) throw invalid("end_time", "must be after start_time");
  if (endMs - startMs > DAYS_MAX * DAY_MS)
    throw invalid("end_time", `must be at most ${DAYS_MAX} days after start_time`);
  if (stepSeconds % 60 !== 0) throw invalid("step_seconds", "must be a multiple of 60");
  const seconds = (endMs - startMs) / 1000;
  const step =
    stepSeconds > 0
      ? stepSeconds
      : (STEPS_SECONDS.find((candidate) => seconds / candidate <= CHOSEN_STEPS_MAX) ?? 604_800);
  const count = Math.ceil(seconds / step);
  if (count > STEPS_MAX)
    throw invalid("step_seconds", `gives ${count} steps; at most ${STEPS_MAX} are possible`);
  return { startMs, endMs, stepSeconds: step, count };
}

function dayOf(field: string, text: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // Date.parse takes 31 February for 3 March.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text)
    throw invalid(field, "must be a day of the calendar, YYYY-MM-DD");
  return ms;
}

function invalid(field: string, message: string): Failure {
  return new Failure("REQUEST_INVALID", `${field} ${message}.`, { details: [{ field, message }] });
}
