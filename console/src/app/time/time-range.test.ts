import { describe, expect, it } from "@jest/globals";

import {
  datesOf,
  isDate,
  spanOf,
  steppedSpanOf,
  TIME_RANGES,
  timeRangeOf,
  utcDaysOf,
} from "./time-range.ts";

const at = (text: string): number => Date.parse(text);

describe("TIME_RANGES", () => {
  it.each(TIME_RANGES)("$id has a step that divides it and is a multiple of a minute", (range) => {
    expect((range.lengthMs / 1_000) % range.stepSeconds).toBe(0);
    expect(range.stepSeconds % 60).toBe(0);
    expect(range.lengthMs / 1_000 / range.stepSeconds).toBeLessThanOrEqual(60);
  });
});

describe("timeRangeOf", () => {
  it("falls back to the hour", () => {
    expect(timeRangeOf("7d").id).toBe("7d");
    expect(timeRangeOf("nonsense").id).toBe("1h");
    expect(timeRangeOf(undefined).id).toBe("1h");
  });
});

describe("spanOf", () => {
  it("ends now", () => {
    expect(spanOf(timeRangeOf("15m"), at("2026-03-01T12:34:56Z"))).toEqual({
      startMs: at("2026-03-01T12:19:56Z"),
      endMs: at("2026-03-01T12:34:56Z"),
    });
  });
});

describe("steppedSpanOf", () => {
  it("covers the range with whole steps, the running one included", () => {
    expect(steppedSpanOf(timeRangeOf("15m"), at("2026-03-01T12:34:56Z"))).toEqual({
      startMs: at("2026-03-01T12:19:00Z"),
      endMs: at("2026-03-01T12:35:00Z"),
    });
    expect(steppedSpanOf(timeRangeOf("24h"), at("2026-03-01T12:34:56Z"))).toEqual({
      startMs: at("2026-02-28T12:30:00Z"),
      endMs: at("2026-03-01T13:00:00Z"),
    });
  });

  it("begins a new step on its first millisecond", () => {
    expect(steppedSpanOf(timeRangeOf("1h"), at("2026-03-01T12:00:00Z")).endMs).toBe(
      at("2026-03-01T12:01:00Z"),
    );
  });
});

describe("utcDaysOf", () => {
  it("does not take in the day that begins where the span ends", () => {
    expect(
      utcDaysOf({ startMs: at("2026-02-28T23:00:00Z"), endMs: at("2026-03-01T00:00:00Z") }),
    ).toEqual({ startDate: "2026-02-28", endDate: "2026-02-28" });
  });
});

describe("datesOf", () => {
  const now = at("2026-03-15T01:00:00Z");

  it.each([
    ["7d", "2026-03-09", "2026-03-15"],
    ["30d", "2026-02-14", "2026-03-15"],
    ["month", "2026-03-01", "2026-03-15"],
    ["last-month", "2026-02-01", "2026-02-28"],
  ] as const)("%s is %s to %s", (preset, startDate, endDate) => {
    expect(datesOf(preset, now)).toEqual({ startDate, endDate });
  });

  it("crosses the year", () => {
    expect(datesOf("last-month", at("2026-01-10T00:00:00Z"))).toEqual({
      startDate: "2025-12-01",
      endDate: "2025-12-31",
    });
  });
});

describe("isDate", () => {
  it("takes days of the calendar only", () => {
    expect(isDate("2024-02-29")).toBe(true);
    expect(isDate("2026-02-29")).toBe(false);
    expect(isDate("2026-2-1")).toBe(false);
    expect(isDate("2026-13-01")).toBe(false);
    expect(isDate("")).toBe(false);
    expect(isDate(undefined)).toBe(false);
  });
});
