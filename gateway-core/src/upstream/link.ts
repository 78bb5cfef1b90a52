import type { Pool } from "undici";

/**
 * How a server is reached and what is known of how it speaks. One object for all `Upstream`s of a server, changed in
 * place when a probe finds out more.
 */
export type Link = {
  pool: Pool;
  /**
   * Connections for what must not wait behind calls: a server's own streams, which last for hours, and what running
   * calls wait for themselves: answers to what a server asked, and cancellations.
   */
  asidePool: Pool;
  /** Path and query of its MCP endpoint. */
  path: string;
  /** Headers for every request to it, flat: name, value, name, value. */
  headers: readonly string[];
  /** True for a server behind this replica's bridge: stdio, or HTTP+SSE. */
  isBridged: boolean;
  /** Whether it serves the era. Undefined: not known yet. */
  modern: boolean | undefined;
  legacy: boolean | undefined;
  /** When that was found out, milliseconds since 1970. */
  probedAt: number;
  /** The probe under way. */
  probing: Promise<void> | undefined;
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
