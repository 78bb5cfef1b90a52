import { describe, expect, it } from "@jest/globals";
import { periodOfDates, stepsOf } from "./periods.ts";

const HOUR_MS = 3_600_000;
// 2026-11-23T00:00:00Z.
const MIDNIGHT_MS = 1_795_392_000_000;

describe("periodOfDates", () => {
  it("includes the last day", () => {
    expect(periodOfDates("2026-11-23", "2026-11-23")).toEqual({
      startMs: MIDNIGHT_MS,
      endMs: MIDNIGHT_MS + 24 * HOUR_MS,
    });
  });

  it.each([
    ["2026-02-31", "2026-03-01"],
    ["2026-11-24", "2026-11-23"],
    ["2020-01-01", "2026-01-01"],
    ["26-11-23", "2026-11-23"],
  ])("refuses %s to %s", (start, end) => {
    expect(() => periodOfDates(start, end)).toThrow("_date");
  });
});

describe("stepsOf", () => {
  it("chooses steps that give at most 60", () => {
    const day = { startMs: MIDNIGHT_MS, endMs: MIDNIGHT_MS + 24 * HOUR_MS };
    expect(stepsOf(day, 0)).toEqual({ ...day, stepSeconds: 1_800, count: 48 });
  });

  it("widens the period to whole minutes", () => {
    const period = { startMs: MIDNIGHT_MS + 30_000, endMs: MIDNIGHT_MS + 90_001 };
    expect(stepsOf(period, 60)).toEqual({
      startMs: MIDNIGHT_MS,
      endMs: MIDNIGHT_MS + 120_000,
      stepSeconds: 60,
      count: 2,
    });
  });

  it("refuses steps that are not of minutes, or too many", () => {
    const day = { startMs: MIDNIGHT_MS, endMs: MIDNIGHT_MS + 48 * HOUR_MS };
    expect(() => stepsOf(day, 90)).toThrow("multiple of 60");
    expect(() => stepsOf(day, 60)).toThrow("2880 steps");
    expect(() => stepsOf({ startMs: MIDNIGHT_MS, endMs: MIDNIGHT_MS }, 60)).toThrow(
      "after start_time",
    );
  });
});
