import { describe, expect, it } from "@jest/globals";

import {
  decimalsOf,
  formatUsd,
  mostDecimals,
  shareInPermille,
  sumUsdMicros,
  toDecimalUsd,
  usdMicrosFrom,
} from "./usd.ts";

describe("formatUsd", () => {
  it.each([
    [0n, "$0.00"],
    [1n, "$0.000001"],
    [1_234n, "$0.001234"],
    [10_000n, "$0.01"],
    [100_000n, "$0.10"],
    [120_000n, "$0.12"],
    [123_000n, "$0.123"],
    [123_450n, "$0.12345"],
    [999_999n, "$0.999999"],
    [1_000_000n, "$1.00"],
    [1_000_001n, "$1.000001"],
    [12_500_000n, "$12.50"],
    [999_000_000n, "$999.00"],
    [1_234_500_000n, "$1,234.50"],
    [1_234_567_890_123n, "$1,234,567.890123"],
    [-1n, "−$0.000001"],
    [-1_500_000n, "−$1.50"],
  ])("writes %s micro-USD as %s", (usdMicros, text) => {
    expect(formatUsd(usdMicros)).toBe(text);
  });

  it("stays exact where a float would not", () => {
    expect(formatUsd(9_007_199_254_740_993n)).toBe("$9,007,199,254.740993");
    expect(formatUsd(9_223_372_036_854_775_807n)).toBe("$9,223,372,036,854.775807");
  });
});

describe("toDecimalUsd", () => {
  it("groups nothing and uses an ASCII sign", () => {
    expect(toDecimalUsd(1_234_500_000n)).toBe("1234.50");
    expect(toDecimalUsd(-1n)).toBe("-0.000001");
  });
});

describe("usdMicrosFrom", () => {
  it.each([
    ["250", 250_000_000n],
    ["$1,234.5", 1_234_500_000n],
    [" 0.000001 ", 1n],
    ["0.0000001", undefined],
    ["12,50", undefined],
    ["-1", undefined],
    ["1e3", undefined],
    ["", undefined],
  ])("reads %s", (text, micros) => {
    expect(usdMicrosFrom(text)).toBe(micros);
  });
});

describe("mostDecimals", () => {
  it("is what the longest fraction of a column needs", () => {
    expect(decimalsOf(1_000_000n)).toBe(2);
    expect(decimalsOf(312_000n)).toBe(3);
    expect(mostDecimals([1_000_000n, 312_000n, 3_638_250n])).toBe(5);
    expect(mostDecimals([])).toBe(2);
  });
});

describe("sumUsdMicros", () => {
  it("sums to the micro-USD", () => {
    expect(sumUsdMicros([])).toBe(0n);
    expect(sumUsdMicros([100_000n, 200_000n, 1n])).toBe(300_001n);
  });
});

describe("shareInPermille", () => {
  it("rounds half up", () => {
    expect(shareInPermille(1n, 3n)).toBe(333);
    expect(shareInPermille(2n, 3n)).toBe(667);
    expect(shareInPermille(1n, 2000n)).toBe(1);
    expect(shareInPermille(1n, 2001n)).toBe(0);
    expect(shareInPermille(5n, 5n)).toBe(1000);
  });

  it("is 0 where there is nothing to share", () => {
    expect(shareInPermille(0n, 0n)).toBe(0);
  });
});
