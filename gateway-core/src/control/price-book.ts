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
  // By server, by tool: a joined key would be built and hashed anew for every call.
  const servers = new Map<string, Map<string, Price>>();
  for (const { server, tool, id, perCallUsdMicros } of rules) {
    const tools = servers.get(server) ?? new Map<string, Price>();
    servers.set(server, tools.set(tool, { perCallUsdMicros, ruleId: uuidFromText(id) ?? EMPTY }));
  }
  return {
    orgId,
    priceOf(server, tool) {
      const own = servers.get(server);
      const any = servers.get("*");
      return own?.get(tool) ?? own?.get("*") ?? any?.get(tool) ?? any?.get("*") ?? FREE;
    },
  };
}
