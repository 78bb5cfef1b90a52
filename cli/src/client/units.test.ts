import { describe, expect, it } from "@jest/globals";
import { durationText, timeOfDay, usd, usdMicrosFrom } from "./units.ts";

describe("usd", () => {
  it.each([
    [0n, "$0.00"],
    [250n, "$0.000250"],
    [1_000n, "$0.001000"],
    [10_000n, "$0.01"],
    [1_500_000n, "$1.50"],
    [1_234_567n, "$1.234567"],
    [-250n, "-$0.000250"],
  ])("shows %s micro-USD as %s", (micros, text) => {
    expect(usd(micros)).toBe(text);
  });
});

describe("usdMicrosFrom", () => {
  it.each([
    ["0.00025", 250n],
    ["$1.5", 1_500_000n],
    ["12", 12_000_000n],
    ["99999999.99", 99_999_999_990_000n],
    ["0.0000001", undefined],
    ["-1", undefined],
    ["a dollar", undefined],
  ])("reads %s", (text, micros) => {
    expect(usdMicrosFrom(text)).toBe(micros);
  });
});

describe("durationText", () => {
  it.each([
    [640n, "640 µs"],
    [12_340n, "12.3 ms"],
    [4_560_000n, "4.56 s"],
  ])("shows %s µs as %s", (us, text) => {
    expect(durationText(us)).toBe(text);
  });
});

describe("timeOfDay", () => {
  it("is local", () => {
    expect(timeOfDay(new Date(2026, 10, 23, 4, 3, 7, 25))).toBe("04:03:07.025");
  });
});
