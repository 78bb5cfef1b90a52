import { describe, expect, it } from "@jest/globals";

import { figuresOf, thresholdsFrom } from "./budget-figures.ts";

const usage = (spentUsdMicros: bigint, forecastUsdMicros?: bigint) => ({
  amountUsdMicros: 2_500_000n,
  spentUsdMicros,
  ...(forecastUsdMicros === undefined ? {} : { forecastUsdMicros }),
});

describe("figuresOf", () => {
  it.each([
    [0n, 0, 0, "ok"],
    [1_999_999n, 79, 79, "ok"],
    [2_000_000n, 80, 80, "near"],
    [2_499_999n, 99, 99, "near"],
    [2_500_000n, 100, 100, "over"],
    [7_500_000n, 300, 100, "over"],
  ])("%s micro-USD of 2,500,000", (spent, percent, barPercent, nearness) => {
    expect(figuresOf(usage(spent))).toMatchObject({ percent, barPercent, nearness });
  });

  it("says whether the amount will be passed, where there is a forecast", () => {
    expect(figuresOf(usage(1n)).willPass).toBe(false);
    expect(figuresOf(usage(1n, 2_500_000n)).willPass).toBe(false);
    expect(figuresOf(usage(1n, 2_500_001n)).willPass).toBe(true);
  });

  it("shares nothing of no amount", () => {
    const none = { amountUsdMicros: 0n, spentUsdMicros: 1n };
    expect(figuresOf(none)).toMatchObject({ percent: 0, nearness: "ok" });
  });
});

describe("thresholdsFrom", () => {
  it.each([
    ["50, 80, 100", [50, 80, 100]],
    ["100% 50%;50", [50, 100]],
    ["1000", [1000]],
  ])("reads %s", (text, thresholds) => {
    expect(thresholdsFrom(text)).toEqual(thresholds);
  });
  it.each(["", "0", "1001", "a", "12.5", "-5", "1 2 3 4 5 6 7 8 9 10 11"])("refuses %s", (text) => {
    expect(thresholdsFrom(text)).toBeUndefined();
  });
});
