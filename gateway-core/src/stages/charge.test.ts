import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { PriceRuleSchema } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { createPrice } from "../control/price.ts";
import type { ReportedCost } from "../mcp/reported-cost.ts";
import { costOfCall } from "./charge.ts";

function charge(reported: ReportedCost, honourReported: boolean) {
  const price = createPrice(
    create(PriceRuleSchema, {
      per1kInputTokensUsdMicros: 10_000n,
      per1kOutputTokensUsdMicros: 1_000_000n,
      maxPerCallUsdMicros: 5_000n,
      honourReported,
    }),
  );
  const counted: string[] = [];
  // 5 bytes are 2 tokens, 8 bytes 2: 2 · 10 + 2 · 1000.
  const call = { requestBytes: 5, responseBytes: 8, durationUs: 1, reported };
  const micros = costOfCall(price, call, { reportedCost: (use) => counted.push(use) });
  return [micros, ...counted];
}

describe("costOfCall", () => {
  it("prices the tokens that the record holds", () => {
    expect(charge(undefined, false)).toEqual([2_020n]);
  });

  it("takes what the server reports where that is honoured, and counts what became of it", () => {
    expect(charge(4_200n, true)).toEqual([4_200n, "used"]);
    expect(charge(5_000n, true)).toEqual([5_000n, "used"]);
    expect(charge(5_001n, true)).toEqual([5_000n, "capped"]);
    expect(charge("invalid", true)).toEqual([2_020n, "invalid"]);
    expect(charge(undefined, true)).toEqual([2_020n, "absent"]);
  });

  it("does not look at reports otherwise", () => {
    expect(charge(4_200n, false)).toEqual([2_020n]);
  });
});
