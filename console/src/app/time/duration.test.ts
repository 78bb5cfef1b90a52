import { describe, expect, it } from "@jest/globals";

import { formatDurationMs, formatDurationUs } from "./duration.ts";

describe("formatDurationUs", () => {
  it.each([
    [0, "0 µs"],
    [850, "850 µs"],
    [999, "999 µs"],
    [1_000, "1 ms"],
    [1_234, "1.23 ms"],
    [9_996, "10 ms"],
    [12_340, "12.3 ms"],
    [100_000, "100 ms"],
    [999_400, "999 ms"],
    [999_600, "1 s"],
    [1_240_000, "1.24 s"],
    [30_000_000, "30 s"],
    [59_960_000, "1 min"],
    [125_000_000, "2 min 5 s"],
    [3_599_600_000, "1 h"],
    [12_000_000_000, "3 h 20 min"],
  ])("writes %d µs as %s", (us, text) => {
    expect(formatDurationUs(us)).toBe(text);
  });

  it("takes the bigint of the contract", () => {
    expect(formatDurationUs(1_500n)).toBe("1.5 ms");
    expect(formatDurationMs(1_500n)).toBe("1.5 s");
  });

  it("never shows a negative time", () => {
    expect(formatDurationUs(-5)).toBe("0 µs");
  });
});
