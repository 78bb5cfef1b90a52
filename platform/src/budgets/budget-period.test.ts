import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  isTimeZone,
  periodAfter,
  periodBefore,
  periodContaining,
  type BudgetPeriod,
} from "./budget-period.ts";

const HOUR_MS = 3_600_000;

function spanOf(period: BudgetPeriod, zone: string, time: string) {
  const { startMs, endMs } = periodContaining(period, zone, Date.parse(time));
  return [new Date(startMs).toISOString(), new Date(endMs).toISOString()].map((text) =>
    text.replace(":00.000Z", "Z"),
  );
}

describe("periodContaining, by the day", () => {
  it.each([
    // Central European time is UTC+1, in summer UTC+2; clocks change at 01:00 UTC.
    [
      "a winter day",
      "Europe/Berlin",
      "2026-11-25T12:00Z",
      "2026-11-24T23:00Z",
      "2026-11-25T23:00Z",
    ],
    ["23 hours", "Europe/Berlin", "2026-03-29T12:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z"],
    ["25 hours", "Europe/Berlin", "2026-10-25T12:00Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z"],
    // Eastern time is UTC-5, in summer UTC-4; clocks change at 02:00 local time.
    ["23 hours", "America/New_York", "2026-03-08T12:00Z", "2026-03-08T05:00Z", "2026-03-09T04:00Z"],
    ["25 hours", "America/New_York", "2026-11-01T12:00Z", "2026-11-01T04:00Z", "2026-11-02T05:00Z"],
    // Brazil went from 23:59:59 to 01:00 on 4 November 2018: UTC-3 to UTC-2.
    [
      "no midnight",
      "America/Sao_Paulo",
      "2018-11-04T12:00Z",
      "2018-11-04T03:00Z",
      "2018-11-05T02:00Z",
    ],
    // And back from 23:59:59 on 16 February 2019 to 23:00.
    [
      "two last hours",
      "America/Sao_Paulo",
      "2019-02-17T02:30Z",
      "2019-02-16T02:00Z",
      "2019-02-17T03:00Z",
    ],
    // Newfoundland went from 00:00:59 on 7 November 2010 back to 23:01 on the 6th: UTC-2:30 to UTC-3:30.
    [
      "two midnights",
      "America/St_Johns",
      "2010-11-07T12:00Z",
      "2010-11-07T02:30Z",
      "2010-11-08T03:30Z",
    ],
    [
      "after the first of two midnights",
      "America/St_Johns",
      "2010-11-07T03:00Z",
      "2010-11-07T02:30Z",
      "2010-11-08T03:30Z",
    ],
    // Lord Howe Island's summer time is half an hour: UTC+11 to UTC+10:30.
    [
      "24.5 hours",
      "Australia/Lord_Howe",
      "2026-04-05T00:00Z",
      "2026-04-04T13:00Z",
      "2026-04-05T13:30Z",
    ],
    [
      "three quarters of an hour",
      "Asia/Kathmandu",
      "2026-11-23T00:00Z",
      "2026-11-22T18:15Z",
      "2026-11-23T18:15Z",
    ],
    // Samoa went from 29 December 23:59:59, UTC-10, to 31 December 00:00, UTC+14.
    [
      "before a skipped day",
      "Pacific/Apia",
      "2011-12-30T09:59:59Z",
      "2011-12-29T10:00Z",
      "2011-12-30T10:00Z",
    ],
    [
      "after a skipped day",
      "Pacific/Apia",
      "2011-12-30T10:00Z",
      "2011-12-30T10:00Z",
      "2011-12-31T10:00Z",
    ],
    ["a leap day", "UTC", "2028-02-29T23:59:59Z", "2028-02-29T00:00Z", "2028-03-01T00:00Z"],
    [
      "the end of a year",
      "Asia/Tokyo",
      "2026-12-31T15:00Z",
      "2026-12-31T15:00Z",
      "2027-01-01T15:00Z",
    ],
  ])("%s, %s", (_, zone, time, start, end) => {
    expect(spanOf("daily", zone, time)).toEqual([start, end]);
  });

  it("includes its first millisecond and not its end", () => {
    const midnight = Date.parse("2026-11-25T23:00Z");
    expect(periodContaining("daily", "Europe/Berlin", midnight - 1).endMs).toBe(midnight);
    expect(periodContaining("daily", "Europe/Berlin", midnight).startMs).toBe(midnight);
  });
});

describe("periodContaining, by the week", () => {
  it.each([
    // 25 November 2026 is a Wednesday.
    ["UTC", "2026-11-25T12:00Z", "2026-11-23T00:00Z", "2026-11-30T00:00Z"],
    ["UTC", "2026-11-29T23:59Z", "2026-11-23T00:00Z", "2026-11-30T00:00Z"],
    // 1 January 2027 is a Friday.
    ["America/New_York", "2027-01-01T12:00Z", "2026-12-28T05:00Z", "2027-01-04T05:00Z"],
    // Clocks change on the week's Sunday: 167 hours.
    ["Europe/Berlin", "2026-03-25T12:00Z", "2026-03-22T23:00Z", "2026-03-29T22:00Z"],
    // Monday in Auckland, still Sunday in UTC.
    ["Pacific/Auckland", "2026-11-22T11:00Z", "2026-11-22T11:00Z", "2026-11-29T11:00Z"],
    // 30 December 2011 was skipped: 144 hours.
    ["Pacific/Apia", "2011-12-28T12:00Z", "2011-12-26T10:00Z", "2012-01-01T10:00Z"],
  ])("%s at %s", (zone, time, start, end) => {
    expect(spanOf("weekly", zone, time)).toEqual([start, end]);
  });
});

describe("periodContaining, by the month", () => {
  it.each([
    ["UTC", "2028-02-10T00:00Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z"],
    ["UTC", "2100-02-10T00:00Z", "2100-02-01T00:00Z", "2100-03-01T00:00Z"],
    ["Europe/Berlin", "2026-10-31T22:59Z", "2026-09-30T22:00Z", "2026-10-31T23:00Z"],
    ["Europe/Berlin", "2026-10-31T23:00Z", "2026-10-31T23:00Z", "2026-11-30T23:00Z"],
    ["America/Los_Angeles", "2027-01-01T07:59Z", "2026-12-01T08:00Z", "2027-01-01T08:00Z"],
  ])("%s at %s", (zone, time, start, end) => {
    expect(spanOf("monthly", zone, time)).toEqual([start, end]);
  });
});

describe("periods", () => {
  const zones = [...Intl.supportedValuesOf("timeZone"), "UTC"];
  const anyTime = fc.integer({ min: Date.UTC(1972), max: Date.UTC(2060) });
  const anyPeriod = fc.constantFrom<BudgetPeriod>("daily", "weekly", "monthly");

  it("tile time without gap or overlap, in every zone", () => {
    fc.assert(
      fc.property(anyPeriod, fc.constantFrom(...zones), anyTime, (period, zone, timeMs) => {
        const span = periodContaining(period, zone, timeMs);
        expect(span.startMs).toBeLessThanOrEqual(timeMs);
        expect(span.endMs).toBeGreaterThan(timeMs);
        expect(periodContaining(period, zone, span.startMs)).toEqual(span);
        expect(periodContaining(period, zone, span.endMs - 1)).toEqual(span);
        expect(periodAfter(period, zone, span).startMs).toBe(span.endMs);
        expect(periodBefore(period, zone, span).endMs).toBe(span.startMs);
      }),
      { numRuns: 500 },
    );
  });

  it("are as long as the calendar and a change of the clock allow", () => {
    fc.assert(
      fc.property(fc.constantFrom(...zones), anyTime, (zone, timeMs) => {
        const { startMs, endMs } = periodContaining("monthly", zone, timeMs);
        const days = (endMs - startMs) / (24 * HOUR_MS);
        expect(days).toBeGreaterThanOrEqual(28 - 1);
        expect(days).toBeLessThanOrEqual(31 + 1);
      }),
      { numRuns: 300 },
    );
  });
});

describe("isTimeZone", () => {
  it.each(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])("%s", (name) => {
    expect(isTimeZone(name)).toBe(true);
  });
  it.each(["", "+01:00", "Europe/Nowhere", "Europe/Berlin ", "x".repeat(100)])("not %s", (name) => {
    expect(isTimeZone(name)).toBe(false);
  });
});
