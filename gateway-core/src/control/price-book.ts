import type { PriceRule } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { uuidFromText } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";

/** What a call of a tool costs. */
export type Price = {
  readonly perCallUsdMicros: bigint;
  /** UUID of the rule in 16 bytes; EMPTY when no rule fits and the call is free. */
  readonly ruleId: Buffer;
};

export const FREE: Price = { perCallUsdMicros: 0n, ruleId: EMPTY };

/** The price rules of one organisation. The most exact rule wins: server and tool, server, tool, everything. */
export type PriceBook = {
  readonly orgId: string;
  priceOf(server: string, tool: string): Price;
};

export function createPriceBook(orgId: string, rules: readonly PriceRule[]): PriceBook {
  const prices = new Map<string, Price>(
    rules.map((rule) => [
      keyOf(rule.server, rule.tool),
      { perCallUsdMicros: rule.perCallUsdMicros, ruleId: uuidFromText(rule.id) ?? EMPTY },
    ]),
  );
  return {
    orgId,
    priceOf: (server, tool) =>
      prices.get(keyOf(server, tool)) ??
      prices.get(keyOf(server, "*")) ??
      prices.get(keyOf("*", tool)) ??
      prices.get(keyOf("*", "*")) ??
      FREE,
  };
}

/** Server names hold no slash, so the first one ends them. */
function keyOf(server: string, tool: string): string {
  return `${server}/${tool}`;
}
