import { describe, expect, it } from "@jest/globals";
import {
  cursorOf,
  dateTimeFromMicros,
  keyOf,
  microsFromDateTime,
  microsFromUsd,
  usdFromMicros,
} from "./values.ts";

describe("usdFromMicros", () => {
  it.each([
    [0n, "0.000000"],
    [1n, "0.000001"],
    [1_234_567n, "1.234567"],
    [-1_500_000n, "-1.500000"],
    // 2^53 + 1, which a float cannot hold.
    [9_007_199_254_740_993n, "9007199254.740993"],
  ])("writes %s micro-USD as %s", (micros, usd) => {
    expect(usdFromMicros(micros)).toBe(usd);
  });
});

describe("microsFromUsd", () => {
  it.each([
    ["0", 0n],
    ["1.5", 1_500_000n],
    ["0.000001", 1n],
    ["-0.25", -250_000n],
    ["9007199254.740993", 9_007_199_254_740_993n],
  ])("reads %s as %s micro-USD", (usd, micros) => {
    expect(microsFromUsd(usd)).toBe(micros);
  });

  it.each(["", "1e3", "1.0000001", ".5", "1,5"])("refuses %p", (usd) => {
    expect(() => microsFromUsd(usd)).toThrow("is not an amount");
  });
});

describe("times", () => {
  it("keep their microseconds both ways", () => {
    // 2026-11-23T14:30:00Z is 1795444200 s.
    expect(dateTimeFromMicros(1_795_444_200_000_001n)).toBe("2026-11-23 14:30:00.000001");
    expect(microsFromDateTime("2026-11-23 14:30:00.000001")).toBe(1_795_444_200_000_001n);
    expect(microsFromDateTime("2026-11-23 14:30:00")).toBe(1_795_444_200_000_000n);
  });
});

describe("cursors", () => {
  it("give back the key they were made of", () => {
    expect(keyOf(cursorOf(["12", "ab"]), [/^\d+$/, /^[a-f]+$/])).toEqual(["12", "ab"]);
    expect(keyOf("", [/x/])).toBeUndefined();
  });

  it.each(["garbage", cursorOf(["12"]), cursorOf(["x", "ab"])])("refuse %p", (cursor) => {
    expect(() => keyOf(cursor, [/^\d+$/, /^[a-f]+$/])).toThrow("cursor");
  });
});
