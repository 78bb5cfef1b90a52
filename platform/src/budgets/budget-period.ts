/** How long a budget lasts, by the calendar. */
export type BudgetPeriod = "daily" | "weekly" | "monthly";

/** A half-open span of time in milliseconds since 1970-01-01 UTC. */
export type PeriodSpan = { readonly startMs: number; readonly endMs: number };

/**
 * The calendar period that a time lies in, in an IANA time zone: the day, the week from Monday (ISO 8601), or the month.
 *
 * A day begins at its first instant: at the first midnight where the clock shows midnight twice, and when the clock has
 * jumped over midnight, at the jump. A day that the zone skipped, such as 30 December 2011 in Apia, is empty. So
 * periods tile time without gap or overlap. Boundaries are whole seconds; with the offsets in use since 1972 they are
 * whole minutes.
 *
 * @throws RangeError when the time zone is not known or the time is no time
 */
export function periodContaining(
  period: BudgetPeriod,
  timeZone: string,
  timeMs: number,
): PeriodSpan {
  const clock = clockOf(timeZone);
  let day = firstDay(period, floorTo(localMs(clock, timeMs), DAY_MS));
  let startMs = startOfDay(clock, day);
  for (;;) {
    const next = nextFirstDay(period, day);
    const endMs = startOfDay(clock, next);
    if (timeMs < endMs) return { startMs, endMs };
    // The clock was set back over midnight: the date of the time is of the period before.
    day = next;
    startMs = endMs;
  }
}

/** The period before one, which ends where it starts. */
export function periodBefore(
  period: BudgetPeriod,
  timeZone: string,
  { startMs }: Pick<PeriodSpan, "startMs">,
): PeriodSpan {
  return periodContaining(period, timeZone, startMs - 1);
}

/** The period after one, which starts where it ends. */
export function periodAfter(
  period: BudgetPeriod,
  timeZone: string,
  { endMs }: Pick<PeriodSpan, "endMs">,
): PeriodSpan {
  return periodContaining(period, timeZone, endMs);
}

/** True when the text is the name of a time zone, for example "Europe/Berlin". Offsets such as "+01:00" are none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,63}$/.test(name)) return false;
  try {
    clockOf(name);
    return true;
  } catch {
    return false; // RangeError: not a zone.
  }
}

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const WEEK_DAYS = 7;
/** 5 January 1970 was a Monday. */
const MONDAY_MS = 4 * DAY_MS;

/** The first day of the period that a day lies in. Days are midnights of the local calendar, as if it were UTC. */
function firstDay(period: BudgetPeriod, day: number): number {
  if (period === "daily") return day;
  if (period === "weekly") return MONDAY_MS + floorTo(day - MONDAY_MS, WEEK_DAYS * DAY_MS);
  const date = new Date(day);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1);
}

function nextFirstDay(period: BudgetPeriod, day: number): number {
  if (period === "daily") return day + DAY_MS;
  if (period === "weekly") return day + WEEK_DAYS * DAY_MS;
  const date = new Date(day);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1);
}

/** The first instant at which the local clock shows this day's midnight, or a later time. */
function startOfDay(clock: Intl.DateTimeFormat, day: number): number {
  // No zone is a day away from UTC, and none changed its clock twice in two days.
  let beforeMs = day - DAY_MS;
  let afterMs = day + DAY_MS;
  const first = day - offsetMs(clock, beforeMs);
  const second = day - offsetMs(clock, afterMs);
  for (const candidate of [Math.min(first, second), Math.max(first, second)])
    if (localMs(clock, candidate) === day) return candidate;
  // No clock showed midnight: it jumped over it.
  while (afterMs - beforeMs > SECOND_MS) {
    const middleMs = floorTo((beforeMs + afterMs) / 2, SECOND_MS);
    if (localMs(clock, middleMs) >= day) afterMs = middleMs;
    else beforeMs = middleMs;
  }
  return afterMs;
}

function offsetMs(clock: Intl.DateTimeFormat, timeMs: number): number {
  return localMs(clock, timeMs) - floorTo(timeMs, SECOND_MS);
}

/** What the local clock shows, to the second, in milliseconds as if it were UTC. */
function localMs(clock: Intl.DateTimeFormat, timeMs: number): number {
  const [month = 0, day, year = 0, hour, minute, second] = (
    clock.format(timeMs).match(/\d+/g) ?? []
  ).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function floorTo(value: number, unit: number): number {
  return Math.floor(value / unit) * unit;
}

/** Formatters are costly to make. There are about 600 names of zones; an organisation cannot make more. */
const CLOCKS_MAX = 700;
const clocks = new Map<string, Intl.DateTimeFormat>();

/** Shows "11/23/2026, 14:30:00" in a zone. */
function clockOf(timeZone: string): Intl.DateTimeFormat {
  const known = clocks.get(timeZone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  // Names in other cases are other keys.
  if (clocks.size >= CLOCKS_MAX) clocks.clear();
  clocks.set(timeZone, clock);
  return clock;
}
