import { describe, expect, it } from "@jest/globals";
import {
  addDurations,
  DURATION_BOUNDS_US,
  DURATION_BUCKETS,
  quantileMs,
} from "./duration-histogram.ts";

/** Counts with some buckets filled, by the bucket's upper bound in microseconds. */
function counts(filled: Record<number, number>): number[] {
  return DURATION_BOUNDS_US.map((bound) => filled[bound] ?? 0);
}

describe("quantileMs", () => {
  it("is 0 without calls", () => {
    expect(quantileMs([], 0.95)).toBe(0);
    expect(quantileMs(counts({}), 0.95)).toBe(0);
  });

  it("lies in its bucket as if the calls in it were spread evenly", () => {
    // 90 calls up to 1 ms, 10 from 4 to 5 ms: the 95th is the 5th of those 10, half way from 4 to 5.
    expect(quantileMs(counts({ 1_000: 90, 5_000: 10 }), 0.95)).toBeCloseTo(4.5, 9);
    // All in the first bucket, from 0 to 0.25 ms.
    expect(quantileMs(counts({ 250: 100 }), 0.95)).toBeCloseTo(0.2375, 9);
  });

  it("is the last bound when it lies beyond", () => {
    const beyond = Array<number>(DURATION_BUCKETS).fill(0);
    beyond[DURATION_BUCKETS - 1] = 3;
    expect(quantileMs(beyond, 0.95)).toBe(300_000);
  });
});

describe("addDurations", () => {
  it("adds bucket by bucket", () => {
    const sum = [1, 2];
    addDurations(sum, [10, 20, 30]);
    addDurations(sum, []);
    expect(sum).toEqual([11, 22, 30]);
  });
});

describe("the buckets", () => {
  it("rise", () => {
    expect([...DURATION_BOUNDS_US].sort((a, b) => a - b)).toEqual(DURATION_BOUNDS_US);
  });
});
