import { hash } from "node:crypto";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import { elementsOf, jsonTextOf, memberString, memberText } from "../mcp/json-members.ts";
import { LISTS, type ListMethod } from "../policy/visible-lists.ts";
import type { CallRequest } from "../upstream/server-call.ts";
import type { ServerCalls } from "../upstream/server-calls.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { ListCache, ListedPage } from "./list-cache.ts";

/** Who lists: what sessions with legacy servers are opened with. */
export type Lister = Pick<
  CallRequest,
  "owner" | "capabilities" | "clientInfo" | "logLevel" | "traceparent"
>;

export type ServerListsOptions = {
  readonly calls: ServerCalls;
  readonly cache: ListCache;
  readonly now: () => number;
};

/** What an exchange lists with. */
export function listsOf({ context, pipeline }: McpExchange): ServerListsOptions {
  return { calls: context.calls, cache: context.lists, now: pipeline.now };
}

/** What came of listing one server. */
export type ServerListing = {
  readonly upstream: Upstream;
  /** Undefined: it did not answer, and nothing is known of it. */
  readonly page: ListedPage | undefined;
  /** Why the page is none, or an old one. */
  readonly failure: Failure | undefined;
};

/** Milliseconds a server may take to list: one that is slow must not make all the others wait. */
const LIST_DEADLINE_MS = 5_000;
/** Milliseconds for which a list is kept at most, whatever its server says. */
const FRESH_MAX_MS = 5 * 60_000;
const METHOD_NOT_FOUND = -32601;

/** Lists a page of a server, from the cache while that is good. Never fails: what went wrong is in the listing. */
export async function listServer(
  { calls, cache, now }: ServerListsOptions,
  upstream: Upstream,
  method: ListMethod,
  { cursor, lister }: { readonly cursor: string | undefined; readonly lister: Lister },
): Promise<ServerListing> {
  // What a server lists may depend on what the agent can do, and on whose session it is.
  const asked = hash("sha256", JSON.stringify([lister.owner, lister.capabilities, cursor]), "hex");
  const own = `${upstream.idText} ${method} ${asked}`;
  const anyones = `${upstream.idText} ${method} ${hash("sha256", cursor ?? "", "hex")}`;
  const known = later(cache.get(own), cache.get(anyones));
  if (known && known.freshUntil > now()) return { upstream, page: known, failure: undefined };
  try {
    const { page, isPublic } = await ask(calls, upstream, method, { cursor, lister, now });
    cache.put(isPublic ? anyones : own, page);
    return { upstream, page, failure: undefined };
  } catch (error) {
    return { upstream, page: known, failure: failureFrom(error) };
  }
}

/** What an agent was told itself may be older than what everybody was. */
function later(one: ListedPage | undefined, other: ListedPage | undefined): ListedPage | undefined {
  return one && other && other.listedAt > one.listedAt ? other : (one ?? other);
}

async function ask(
  calls: ServerCalls,
  upstream: Upstream,
  method: ListMethod,
  options: { cursor: string | undefined; lister: Lister; now: () => number },
): Promise<{ page: ListedPage; isPublic: boolean }> {
  const { cursor, lister, now } = options;
  const signal = AbortSignal.timeout(Math.min(LIST_DEADLINE_MS, upstream.timeoutMs));
  const era = await beforeAbort(calls.eraOf(upstream), signal, upstream);
  const params = cursor === undefined ? {} : { cursor };
  const message = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 0, method, params }));
  const request = { ...lister, upstream, method, message, target: "", isSafe: true };
  const answer = await calls.ask(era, request, signal);
  // A server without prompts need not know the method.
  if (answer.errorCode === METHOD_NOT_FOUND)
    return {
      page: { items: [], nextCursor: undefined, listedAt: now(), freshUntil: 0 },
      isPublic: false,
    };
  if (answer.errorCode !== 0)
    throw new Failure(
      "UPSTREAM_RPC_ERROR",
      `The MCP server ${upstream.name} refused to list (JSON-RPC code ${answer.errorCode}).`,
    );
  const result = Buffer.from(answer.resultText);
  const list = Buffer.from(memberText(result, LISTS[method].list) || "[]");
  const ttlMs = Number(memberText(result, "ttlMs")) || 0;
  return {
    isPublic: memberText(result, "cacheScope") === '"public"',
    page: {
      items: elementsOf(jsonTextOf(list)).map(({ start, end }) => list.subarray(start, end)),
      nextCursor: memberString(result, "nextCursor"),
      listedAt: now(),
      freshUntil: now() + Math.min(Math.max(ttlMs, 0), FRESH_MAX_MS),
    },
  };
}

async function beforeAbort<T>(
  work: T | Promise<T>,
  signal: AbortSignal,
  upstream: Upstream,
): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => {
        reject(
          new Failure(
            "UPSTREAM_TIMEOUT",
            `The MCP server ${upstream.name} did not answer in time.`,
          ),
        );
      });
    }),
  ]);
}
