const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** The ranges a page offers. `stepSeconds` gives 15 to 60 points on a chart and divides the length. */
export const TIME_RANGES = [
  {
    id: "15m",
    label: "Last 15 minutes",
    short: "15 min",
    lengthMs: 15 * MINUTE_MS,
    stepSeconds: 60,
  },
  { id: "1h", label: "Last hour", short: "1 h", lengthMs: HOUR_MS, stepSeconds: 60 },
  { id: "24h", label: "Last 24 hours", short: "24 h", lengthMs: DAY_MS, stepSeconds: 1_800 },
  { id: "7d", label: "Last 7 days", short: "7 d", lengthMs: 7 * DAY_MS, stepSeconds: 10_800 },
  { id: "30d", label: "Last 30 days", short: "30 d", lengthMs: 30 * DAY_MS, stepSeconds: 43_200 },
] as const;

export type TimeRange = (typeof TIME_RANGES)[number];
export type TimeRangeId = TimeRange["id"];

/** A span of time, half-open. */
export interface TimeSpan {
  readonly startMs: number;
  readonly endMs: number;
}

/** The range of that id; the hour where the id is none of ours, as a hand-edited URL may have. */
export function timeRangeOf(id: string | undefined): TimeRange {
  return TIME_RANGES.find((range) => range.id === id) ?? TIME_RANGES[1];
}

/** The span of a range that ends now. */
export function spanOf(range: TimeRange, nowMs: number): TimeSpan {
  return { startMs: nowMs - range.lengthMs, endMs: nowMs };
}

/**
 * The span of a range for a chart: widened to whole steps, so that no step is cut in half and the figures do not
 * jump while time goes on. It ends after now, by less than a step.
 */
export function steppedSpanOf(range: TimeRange, nowMs: number): TimeSpan {
  const stepMs = range.stepSeconds * SECOND_MS;
  const endMs = Math.floor(nowMs / stepMs) * stepMs + stepMs;
  return { startMs: endMs - stepMs - range.lengthMs, endMs };
}

/** The whole UTC days that cover a span, both included. */
export function utcDaysOf(span: TimeSpan): {
  readonly startDate: string;
  readonly endDate: string;
} {
  return { startDate: utcDate(span.startMs), endDate: utcDate(span.endMs - 1) };
}

/** The UTC day of a time, YYYY-MM-DD. */
export function utcDate(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** A period of whole UTC days, both included. */
export interface DateSpan {
  readonly startDate: string;
  readonly endDate: string;
}

/** Periods people ask for. */
export const DATE_PRESETS = [
  { id: "7d", label: "7 days" },
  { id: "30d", label: "30 days" },
  { id: "month", label: "This month" },
  { id: "last-month", label: "Last month" },
] as const;

export type DatePresetId = (typeof DATE_PRESETS)[number]["id"];

/** The days of a preset, seen from now, UTC. */
export function datesOf(preset: DatePresetId, nowMs: number): DateSpan {
  const now = new Date(nowMs);
  const year = now.getUTCFullYear();
  const month = now.getUTCMonth();
  switch (preset) {
    case "7d":
      return { startDate: utcDate(nowMs - 6 * DAY_MS), endDate: utcDate(nowMs) };
    case "30d":
      return { startDate: utcDate(nowMs - 29 * DAY_MS), endDate: utcDate(nowMs) };
    case "month":
      return { startDate: utcDate(Date.UTC(year, month, 1)), endDate: utcDate(nowMs) };
    case "last-month":
      return {
        startDate: utcDate(Date.UTC(year, month - 1, 1)),
        endDate: utcDate(Date.UTC(year, month, 0)),
      };
  }
}

/** True for a day of the calendar written YYYY-MM-DD. */
export function isDate(text: string | undefined): text is string {
  if (text === undefined || !/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const timeMs = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(timeMs) && utcDate(timeMs) === text;
}
