import { describe, expect, it } from "@jest/globals";
import { Failure } from "@gatewayops/platform/errors";
import { requireSound, type AskedPrice } from "./price-rule.ts";

const BARE: AskedPrice = {
  server: "files",
  tool: "*",
  operation: "",
  perCallUsdMicros: 0n,
  perKbInUsdMicros: 0n,
  perKbOutUsdMicros: 0n,
  per1kInputTokensUsdMicros: 0n,
  per1kOutputTokensUsdMicros: 0n,
  perSecondUsdMicros: 0n,
  maxPerCallUsdMicros: 0n,
};

/** The fields that are refused. */
function refused(asked: Partial<AskedPrice>): string[] {
  try {
    requireSound({ ...BARE, ...asked });
    return [];
  } catch (error) {
    if (error instanceof Failure && error.reason === "REQUEST_INVALID")
      return error.details.map(({ field }) => field);
    throw error;
  }
}

describe("requireSound", () => {
  it("gives a price per call its maximum, and the operation it is meant for", () => {
    expect(requireSound({ ...BARE, perCallUsdMicros: 5n })).toMatchObject({
      operation: "tools/call",
      maxPerCallUsdMicros: 5n,
      honourReported: false,
    });
  });

  it.each([
    "perKbInUsdMicros",
    "perKbOutUsdMicros",
    "per1kInputTokensUsdMicros",
    "per1kOutputTokensUsdMicros",
    "perSecondUsdMicros",
  ] as const)("wants a maximum where there is %s", (part) => {
    expect(refused({ [part]: 1n })).toEqual(["max_per_call"]);
    expect(refused({ [part]: 1n, maxPerCallUsdMicros: 1n })).toEqual([]);
  });

  it("wants a maximum for prices that are reported", () => {
    expect(refused({ honourReported: true })).toEqual(["max_per_call"]);
    expect(refused({ honourReported: true, maxPerCallUsdMicros: 1n })).toEqual([]);
  });

  it("refuses a maximum below the price per call, and one without effect", () => {
    expect(
      refused({ perCallUsdMicros: 3n, perSecondUsdMicros: 1n, maxPerCallUsdMicros: 2n }),
    ).toEqual(["max_per_call"]);
    expect(refused({ perCallUsdMicros: 3n, maxPerCallUsdMicros: 4n })).toEqual(["max_per_call"]);
    expect(refused({ perCallUsdMicros: 3n, maxPerCallUsdMicros: 3n })).toEqual([]);
  });

  it("refuses a tool together with an operation that is none of tools", () => {
    expect(refused({ tool: "read", operation: "resources/read" })).toEqual(["operation"]);
    expect(refused({ tool: "read", operation: "*" })).toEqual(["operation"]);
    expect(refused({ tool: "read", operation: "tools/call" })).toEqual([]);
    expect(refused({ operation: "resources/read" })).toEqual([]);
  });
});
