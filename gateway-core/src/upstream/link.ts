import type { Dispatcher } from "undici";
import type { Era } from "../mcp/message.ts";
import type { Endpoint, Endpoints } from "./endpoints.ts";

/**
 * How a server is reached and what is known of how it speaks. One object for all `Upstream`s of a server, changed in
 * place when a probe finds out more.
 */
export type Link = {
  /** Connections to its one address; of a server behind a bridge those to the bridge. */
  pool: Dispatcher;
  /** Its instances, where DNS names them. */
  readonly endpoints: Endpoints | undefined;
  /** Path and query of its MCP endpoint. */
  path: string;
  /** Headers for every request to it, flat: name, value, name, value. */
  headers: readonly string[];
  /** True for a server behind this replica's bridge: stdio, or HTTP+SSE. */
  isBridged: boolean;
  /** The era it speaks, the modern one where it has both. Undefined: not known yet. */
  era: Era | undefined;
  /** When that was found out, milliseconds since 1970. */
  probedAt: number;
  /** The probe under way. */
  probing: Promise<Era> | undefined;
  /**
   * Turns the link to the bridge when the server speaks HTTP+SSE, of 2024-11-05. Undefined: it is no candidate.
   */
  readonly toBridge: (() => Promise<void>) | undefined;
  /** Arguments that are mirrored in headers, by tool; undefined before the tools were listed. */
  mirrors: ReadonlyMap<string, readonly HeaderMirror[]> | undefined;
};

/** An argument of a tool whose value a header repeats (MCP 2026-07-28 streamable-http §x-mcp-header). */
export type HeaderMirror = {
  /** Lower case, with its prefix: "mcp-param-region". */
  readonly header: string;
  /** Names of properties that lead to it. */
  readonly path: readonly string[];
};

/**
 * Where a request to a server goes.
 *
 * @param wanted name of the endpoint that has the request's session; empty for any
 * @throws Error of DNS
 */
export function endpointOf(
  { endpoints, pool, isBridged }: Link,
  wanted: string,
): Endpoint | Promise<Endpoint> {
  return endpoints && !isBridged ? endpoints.pick(wanted) : { name: "", pool };
}

/** Turns a link to the bridge, where that is known to be right. */
export async function turnedToBridge(link: Link): Promise<void> {
  if (!link.isBridged) await link.toBridge?.();
}
