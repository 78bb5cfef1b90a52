import type { PriceRule } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { uuidFromText } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";

/** What a call used: the figures of its record. All whole numbers, 0 or more. */
export type Usage = {
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly durationUs: number;
  /** What the MCP server says that the call costs, where it does. */
  readonly reportedUsdMicros?: bigint | undefined;
};

/** What a call costs: known before it is made up to its maximum, and exactly once it has ended. */
export type Price = {
  /** UUID of the rule in 16 bytes; EMPTY when no rule fits and the call is free. */
  readonly ruleId: Buffer;
  /** Most that the call can cost. */
  readonly maxUsdMicros: bigint;
  /** True when every call costs the maximum, whatever it uses. */
  readonly isFlat: boolean;
  /** True when a price that the MCP server reports counts. */
  readonly honoursReported: boolean;
  /** What the call costs, 0 to the maximum. */
  costOf(usage: Usage): bigint;
};

export const FREE: Price = flatPrice(EMPTY, 0n);

/**
 * The price of a rule: the sum of its parts, rounded half up to the micro-USD once, at most its maximum. A reported price
 * takes the place of the parts where the rule honours it.
 */
export function createPrice(rule: PriceRule): Price {
  const ruleId = uuidFromText(rule.id) ?? EMPTY;
  const variable = [
    rule.perKbInUsdMicros,
    rule.perKbOutUsdMicros,
    rule.per1kInputTokensUsdMicros,
    rule.per1kOutputTokensUsdMicros,
    rule.perSecondUsdMicros,
  ];
  if (!rule.honourReported && variable.every((part) => part === 0n))
    return flatPrice(ruleId, rule.perCallUsdMicros);
  const max = rule.maxPerCallUsdMicros;
  const perCall = rule.perCallUsdMicros * PARTS;
  const perByteIn = rule.perKbInUsdMicros * PARTS_PER_BYTE;
  const perByteOut = rule.perKbOutUsdMicros * PARTS_PER_BYTE;
  const perTokenIn = rule.per1kInputTokensUsdMicros * PARTS_PER_TOKEN;
  const perTokenOut = rule.per1kOutputTokensUsdMicros * PARTS_PER_TOKEN;
  const perUs = rule.perSecondUsdMicros * PARTS_PER_US;
  return {
    ruleId,
    maxUsdMicros: max,
    isFlat: false,
    honoursReported: rule.honourReported,
    costOf(usage) {
      if (rule.honourReported && usage.reportedUsdMicros !== undefined)
        return least(usage.reportedUsdMicros, max);
      const sum =
        perCall +
        times(perByteIn, usage.requestBytes) +
        times(perByteOut, usage.responseBytes) +
        times(perTokenIn, usage.inputTokens) +
        times(perTokenOut, usage.outputTokens) +
        times(perUs, usage.durationUs);
      return least((sum + PARTS / 2n) / PARTS, max);
    },
  };
}

/**
 * Parts of a micro-USD in which sums are made: the least number in which a 1024th (a byte), a 1000th (a token) and a
 * millionth (a microsecond) are whole. svc-cost's simulation counts in the same.
 */
const PARTS = 16_000_000n;
const PARTS_PER_BYTE = PARTS / 1024n;
const PARTS_PER_TOKEN = PARTS / 1000n;
const PARTS_PER_US = PARTS / 1_000_000n;

function flatPrice(ruleId: Buffer, usdMicros: bigint): Price {
  return {
    ruleId,
    maxUsdMicros: usdMicros,
    isFlat: true,
    honoursReported: false,
    costOf: () => usdMicros,
  };
}

function times(parts: bigint, count: number): bigint {
  return parts === 0n ? 0n : parts * BigInt(count);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
