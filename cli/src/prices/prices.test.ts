import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import {
  PriceRuleSchema,
  SimulatePriceResponseSchema,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { priceFrom, priceText, targetText, timeFrom } from "./price-flags.ts";
import { tellSimulation } from "./simulate.ts";

describe("priceFrom", () => {
  it("reads a target and amounts", () => {
    expect(priceFrom("files/*", "0.001", { perKbOut: "$0.0001", max: "0.05" })).toEqual({
      server: "files",
      tool: "*",
      operation: "",
      perCallUsdMicros: 1_000n,
      perKbInUsdMicros: 0n,
      perKbOutUsdMicros: 100n,
      per1kInputTokensUsdMicros: 0n,
      per1kOutputTokensUsdMicros: 0n,
      perSecondUsdMicros: 0n,
      maxPerCallUsdMicros: 50_000n,
    });
    expect(priceFrom("files", "0", {})).toMatchObject({ server: "files", tool: "*" });
  });

  it("refuses what is no amount, or finer than can be charged", () => {
    expect(() => priceFrom("files", "cheap", {})).toThrow("cheap is no amount");
    expect(() => priceFrom("files", "0", { perSecond: "0.0000001" })).toThrow("no amount");
    expect(() => priceFrom("files", undefined, {})).toThrow("no price was given for files");
    expect(() => timeFrom("--effective", "soon")).toThrow("--effective soon is no time");
  });
});

describe("priceText", () => {
  it("tells a price per call in one figure, and others by their parts", () => {
    const perCall = { perCallUsdMicros: 250n, maxPerCallUsdMicros: 250n };
    expect(priceText(create(PriceRuleSchema, perCall))).toBe("$0.000250 per call");
    const rule = create(PriceRuleSchema, {
      perKbOutUsdMicros: 1_000n,
      maxPerCallUsdMicros: 100_000n,
      honourReported: true,
    });
    expect(priceText(rule)).toBe(
      "$0.00 per call + $0.001000 per KB out, or as reported, at most $0.10",
    );
  });
});

describe("targetText", () => {
  it("names the operation where it is not the usual one", () => {
    expect(targetText({ server: "files", tool: "*", operation: "tools/call" })).toBe("files/*");
    expect(targetText({ server: "files", tool: "*", operation: "*" })).toBe("files/* *");
  });
});

describe("tellSimulation", () => {
  it("tells both sums, and each line", () => {
    const text = tellSimulation(
      create(SimulatePriceResponseSchema, {
        period: { start: "2026-11-01", end: "2026-11-30" },
        calls: 3n,
        cappedCalls: 1n,
        actualCostUsdMicros: 60n,
        simulatedCostUsdMicros: 2_500_000n,
        lines: [
          {
            ...{ server: "files", tool: "", operation: "resources/read", calls: 3n },
            ...{ actualCostUsdMicros: 60n, simulatedCostUsdMicros: 2_500_000n },
          },
        ],
      }),
    );
    expect(text).toContain(
      "$2.50 in place of $0.000060 for 3 calls, 1 of them held to the maximum",
    );
    expect(text).toMatch(/files resources\/read +\$2\.50 +\$0\.000060 +3/);
  });
});
