import { describe, expect, it } from "@jest/globals";
import { faultOfLedger } from "./ledger.ts";

const COUNT = { answered: 1_000, cutOffAtMost: 64 };

describe("faultOfLedger", () => {
  it("finds nothing wrong when every answered call is there at its price", () => {
    const line = { calls: 1_000, errors: 0, costUsdMicros: 250_000 };
    expect(faultOfLedger(line, COUNT, 250)).toBeUndefined();
  });

  it("takes calls that were cut off, recorded as answered or as failed", () => {
    const line = { calls: 1_064, errors: 4, costUsdMicros: 1_060 * 250 };
    expect(faultOfLedger(line, COUNT, 250)).toBeUndefined();
  });

  it.each([
    [{ calls: 999, errors: 0, costUsdMicros: 249_750 }, "lacks 1 of 1000"],
    [{ calls: 1_065, errors: 0, costUsdMicros: 266_250 }, "1 more than can"],
    [{ calls: 1_064, errors: 65, costUsdMicros: 249_750 }, "65 failed calls"],
    [{ calls: 1_000, errors: 0, costUsdMicros: 0 }, "sum is 0 micro-USD and not 250000"],
  ])("sees %j", (line, fault) => {
    expect(faultOfLedger(line, COUNT, 250)).toContain(fault);
  });
});
