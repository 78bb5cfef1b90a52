import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { PriceRuleSchema } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { createPrice, FREE, type Price, type Usage } from "./price.ts";

const ID = "0199a000-0000-7000-8000-000000000009";
const NO_BOUND = 10n ** 40n;

type Asked = MessageInitShape<typeof PriceRuleSchema>;

function priceOf(rule: Asked): Price {
  return createPrice(
    create(PriceRuleSchema, { id: ID, maxPerCallUsdMicros: NO_BOUND, ...(rule as object) }),
  );
}

const NOTHING: Usage = {
  requestBytes: 0,
  responseBytes: 0,
  inputTokens: 0,
  outputTokens: 0,
  durationUs: 0,
};

function cost(rule: Asked, used: Partial<Usage>): bigint {
  return priceOf(rule).costOf({ ...NOTHING, ...used });
}

describe("createPrice", () => {
  it("is free without a rule", () => {
    expect([FREE.costOf(NOTHING), FREE.maxUsdMicros, FREE.ruleId.length]).toEqual([0n, 0n, 0]);
  });

  it("costs the same for each call where there is a price per call alone, which is its maximum", () => {
    const price = priceOf({ perCallUsdMicros: 250n, maxPerCallUsdMicros: 0n });
    expect([price.isFlat, price.maxUsdMicros]).toEqual([true, 250n]);
    expect(price.costOf({ ...NOTHING, responseBytes: 1e9, durationUs: 1e9 })).toBe(250n);
    expect(price.ruleId.toString("hex")).toBe(ID.replaceAll("-", ""));
  });

  it.each<[string, Asked, Partial<Usage>, bigint]>([
    // 1024 bytes are a KB: 3 µ$ for each.
    ["1024 bytes in", { perKbInUsdMicros: 3n }, { requestBytes: 1_024 }, 3n],
    ["1024 bytes out", { perKbOutUsdMicros: 3n }, { responseBytes: 1_024 }, 3n],
    // 1535 · 3 / 1024 = 4.497…; 1536 · 3 / 1024 = 4.5.
    ["less than half", { perKbOutUsdMicros: 3n }, { responseBytes: 1_535 }, 4n],
    ["half, rounded up", { perKbOutUsdMicros: 3n }, { responseBytes: 1_536 }, 5n],
    ["no bytes", { perKbOutUsdMicros: 1_000_000_000n }, {}, 0n],
    // 3 · 150 / 1000 = 0.45; 4 · 150 / 1000 = 0.6; 10 · 150 / 1000 = 1.5.
    ["3 tokens", { per1kInputTokensUsdMicros: 150n }, { inputTokens: 3 }, 0n],
    ["4 tokens", { per1kInputTokensUsdMicros: 150n }, { inputTokens: 4 }, 1n],
    ["10 tokens", { per1kOutputTokensUsdMicros: 150n }, { outputTokens: 10 }, 2n],
    // 1249 · 2000 / 1,000,000 = 2.498; 1250 · 2000 / 1,000,000 = 2.5.
    ["1249 µs", { perSecondUsdMicros: 2_000n }, { durationUs: 1_249 }, 2n],
    ["1250 µs", { perSecondUsdMicros: 2_000n }, { durationUs: 1_250 }, 3n],
    // 0.5 + 0.5: each part rounded by itself would make 2.
    [
      "a sum that is rounded once",
      { perKbInUsdMicros: 1n, perKbOutUsdMicros: 1n },
      { requestBytes: 512, responseBytes: 512 },
      1n,
    ],
    // 0.25 + 0.4 = 0.65: each part rounded by itself would make 0.
    [
      "parts that are nothing by themselves",
      { perKbInUsdMicros: 1n, perSecondUsdMicros: 1n },
      { requestBytes: 256, durationUs: 400_000 },
      1n,
    ],
  ])("prices %s", (_, rule, used, micros) => {
    expect(cost(rule, used)).toBe(micros);
  });

  const all: Asked = {
    perCallUsdMicros: 250n,
    perKbInUsdMicros: 10n,
    perKbOutUsdMicros: 20n,
    per1kInputTokensUsdMicros: 3_000n,
    per1kOutputTokensUsdMicros: 15_000n,
    perSecondUsdMicros: 100n,
  };
  const used = {
    requestBytes: 2_048,
    responseBytes: 10_000,
    inputTokens: 512,
    outputTokens: 2_500,
    durationUs: 1_234_567,
  };

  it("adds all parts up, and stops at the maximum", () => {
    // 250 + 2 · 10 + 10,000 / 1024 · 20 + 0.512 · 3000 + 2.5 · 15,000 + 1.234567 · 100
    //   = 250 + 20 + 195.3125 + 1536 + 37,500 + 123.4567 = 39,624.7692.
    expect(cost(all, used)).toBe(39_625n);
    expect(cost({ ...all, maxPerCallUsdMicros: 39_625n }, used)).toBe(39_625n);
    expect(cost({ ...all, maxPerCallUsdMicros: 39_624n }, used)).toBe(39_624n);
    expect(priceOf({ ...all, maxPerCallUsdMicros: 39_624n }).maxUsdMicros).toBe(39_624n);
  });

  it("is exact where a float is not", () => {
    // (2^53 − 1) · 10^9 / 1024 = 8,796,093,022,207,999,023,437.5.
    expect(
      cost({ perKbOutUsdMicros: 1_000_000_000n }, { responseBytes: Number.MAX_SAFE_INTEGER }),
    ).toBe(8_796_093_022_207_999_023_438n);
    expect(
      cost(
        { perKbOutUsdMicros: 1_000_000_000n, maxPerCallUsdMicros: 1_000_000_000n },
        { responseBytes: Number.MAX_SAFE_INTEGER },
      ),
    ).toBe(1_000_000_000n);
  });

  it("takes a reported price where the rule honours it, up to the maximum", () => {
    const trusted = { ...all, honourReported: true, maxPerCallUsdMicros: 50_000n };
    const report = (micros: bigint | undefined) => ({ ...used, reportedUsdMicros: micros });
    expect(cost(trusted, report(4_200n))).toBe(4_200n);
    expect(cost(trusted, report(0n))).toBe(0n);
    expect(cost(trusted, report(50_001n))).toBe(50_000n);
    expect(cost(trusted, report(undefined))).toBe(39_625n);
    expect(cost({ ...trusted, honourReported: false }, report(4_200n))).toBe(39_625n);
  });

  it("never costs more than the maximum, nor less for more", () => {
    const micros = fc.bigInt({ min: 0n, max: 1_000_000_000n });
    const rule = fc.record({
      perCallUsdMicros: micros,
      perKbInUsdMicros: micros,
      perKbOutUsdMicros: micros,
      per1kInputTokensUsdMicros: micros,
      per1kOutputTokensUsdMicros: micros,
      perSecondUsdMicros: micros,
      maxPerCallUsdMicros: micros,
    });
    const count = fc.oneof(fc.nat(5_000), fc.maxSafeNat());
    const usage = fc.record({
      requestBytes: count,
      responseBytes: count,
      inputTokens: count,
      outputTokens: count,
      durationUs: count,
    });
    fc.assert(
      fc.property(rule, usage, usage, (asked, one, other) => {
        const price = priceOf({ ...asked, perSecondUsdMicros: asked.perSecondUsdMicros + 1n });
        const more = Object.fromEntries(
          (Object.keys(one) as (keyof typeof one)[]).map((key) => [
            key,
            Math.max(one[key], other[key]),
          ]),
        ) as typeof one;
        const [less, most] = [price.costOf(one), price.costOf(more)];
        expect(less >= 0n && less <= most && most <= price.maxUsdMicros).toBe(true);
      }),
    );
  });
});
