import { describe, expect, it } from "@jest/globals";
import { forecastOf, reachedThresholds } from "./usage.ts";

const HOUR_MS = 3_600_000;
/** A day that begins at 2026-11-25T00:00Z. */
const span = { startMs: 1_795_564_800_000, endMs: 1_795_564_800_000 + 24 * HOUR_MS };
const at = (hours: number, spentUsdMicros: bigint) =>
  forecastOf({ span, spentUsdMicros, refusedCalls: 0n, nowMs: span.startMs + hours * HOUR_MS });

describe("forecastOf", () => {
  it("goes on as it did on average", () => {
    // A quarter of the day has passed: four times as much.
    expect(at(6, 1_000_001n)).toBe(4_000_004n);
    // 7 micro-USD in 9 of 24 hours: 18 2/3.
    expect(at(9, 7n)).toBe(19n);
    // 1 micro-USD in 16 hours: 1.5, rounded half up.
    expect(at(16, 1n)).toBe(2n);
    expect(at(12, 0n)).toBe(0n);
    expect(at(23, 99_999_999_990_000n)).toBe(104_347_826_076_522n);
  });

  it("says nothing in the first twentieth, 72 minutes of a day, and at the end", () => {
    expect(at(1.19, 5n)).toBeUndefined();
    expect(at(1.2, 5n)).toBe(100n);
    expect(at(24, 5n)).toBeUndefined();
  });
});

describe("reachedThresholds", () => {
  const budget = { amountUsdMicros: 1_000_001n, alertThresholds: [50, 80, 100, 150] };
  it.each([
    [0n, []],
    // Half of 1,000,001 is 500,000.5.
    [500_000n, []],
    [500_001n, [50]],
    // 80 % is 800,000.8.
    [800_001n, [50, 80]],
    [1_000_000n, [50, 80]],
    [1_000_001n, [50, 80, 100]],
    [1_500_002n, [50, 80, 100, 150]],
  ])("%d micro-USD", (spent, reached) => {
    expect(reachedThresholds(budget, spent)).toEqual(reached);
  });
});
