import { timestampMs } from "@bufbuild/protobuf/wkt";
import type {
  GetPriceBookResponse,
  PriceRule,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { Operation } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { createPrice, FREE, type Price } from "./price.ts";

/**
 * The price rules of one organisation. The most exact rule wins: server and tool, server, tool, everything; of two that
 * are equal in this, the one that names the operation.
 */
export type PriceBook = {
  readonly orgId: string;
  /** The price of a call that begins now. @param tool the tool's name; of no meaning for other operations */
  priceOf(server: string, tool: string, operation: Operation): Price;
};

export type PriceBookOptions = {
  readonly orgId: string;
  readonly book: Pick<GetPriceBookResponse, "rules" | "readTime">;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/**
 * A book that knows the rules to come and goes over to them at their time, by the clock that svc-cost read them by: all
 * gateways change at once, and a rule that is in force when it is read is in force here, whatever the clock here says.
 */
export function createPriceBook({ orgId, book, now }: PriceBookOptions): PriceBook {
  const aheadMs = book.readTime ? timestampMs(book.readTime) - now() : 0;
  // By server, by tool: a joined key would be built and hashed anew for every call.
  const servers = new Map<string, Map<string, (Versions | undefined)[]>>();
  for (const rule of book.rules) {
    const operation = operationOf(rule);
    if (operation === undefined) continue;
    const tools = servers.get(rule.server) ?? new Map<string, (Versions | undefined)[]>();
    const byOperation = tools.get(rule.tool) ?? [];
    (byOperation[operation] ??= []).push({
      price: createPrice(rule),
      fromMs: rule.effectiveTime ? timestampMs(rule.effectiveTime) : Number.NEGATIVE_INFINITY,
      untilMs: rule.endTime ? timestampMs(rule.endTime) : Number.POSITIVE_INFINITY,
    });
    servers.set(rule.server, tools.set(rule.tool, byOperation));
  }
  return {
    orgId,
    priceOf(server, tool, operation) {
      if (servers.size === 0) return FREE;
      const at = now() + aheadMs;
      const own = servers.get(server);
      const any = servers.get("*");
      return (
        inForce(own?.get(tool), operation, at) ??
        inForce(own?.get("*"), operation, at) ??
        inForce(any?.get(tool), operation, at) ??
        inForce(any?.get("*"), operation, at) ??
        FREE
      );
    },
  };
}

/** A price and when it counts, half-open, in milliseconds since 1970. */
type Version = { readonly price: Price; readonly fromMs: number; readonly untilMs: number };
/** Those of one server, tool and operation; at no time two of them count. */
type Versions = Version[];

/** Stands for any operation. */
const ANY = Operation.UNSPECIFIED;

/** @param byOperation by the operation's number */
function inForce(
  byOperation: readonly (Versions | undefined)[] | undefined,
  operation: Operation,
  at: number,
): Price | undefined {
  if (byOperation === undefined) return undefined;
  return versionAt(byOperation[operation], at) ?? versionAt(byOperation[ANY], at);
}

function versionAt(versions: Versions | undefined, at: number): Price | undefined {
  if (versions === undefined) return undefined;
  for (const { price, fromMs, untilMs } of versions) if (at >= fromMs && at < untilMs) return price;
  return undefined;
}

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ["*", ANY],
  ["tools/call", Operation.TOOLS_CALL],
  ["resources/read", Operation.RESOURCES_READ],
  ["prompts/get", Operation.PROMPTS_GET],
  ["completion/complete", Operation.COMPLETION_COMPLETE],
]);

/** Undefined for an operation that a newer svc-cost knows, and no call here is. */
function operationOf({ tool, operation }: PriceRule): Operation | undefined {
  // Where other operations have the name of a tool's, they must not be priced as it.
  return tool === "*" ? OPERATIONS.get(operation || "tools/call") : Operation.TOOLS_CALL;
}
