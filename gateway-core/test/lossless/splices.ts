/** A change that the gateway makes to a message, as docs/mcp.md lists it. */
export type Splice = {
  readonly cell: Cell;
  readonly direction: "to server" | "to agent";
  /** Dotted path of the member that is set, added or removed. */
  readonly member: string;
};

/** Agent's era or face, and the server's era. */
export type Cell = `${"legacy" | "modern" | "REST"} → ${"legacy" | "modern"}`;

const TRANSLATED_TO_LEGACY = [
  "id",
  "params._meta.io.modelcontextprotocol/protocolVersion",
  "params._meta.io.modelcontextprotocol/clientCapabilities",
  "params._meta.io.modelcontextprotocol/clientInfo",
  "params._meta.io.modelcontextprotocol/logLevel",
  "params._meta.progressToken",
] as const;
const TRANSLATED_TO_MODERN = [
  "id",
  "params._meta.io.modelcontextprotocol/protocolVersion",
  "params._meta.io.modelcontextprotocol/clientCapabilities",
  "params._meta.io.modelcontextprotocol/clientInfo",
  "params._meta.io.modelcontextprotocol/logLevel",
] as const;
const MADE_MODERN = [
  "id",
  "result.resultType",
  "result.ttlMs",
  "result.cacheScope",
  "result._meta.io.modelcontextprotocol/serverInfo",
] as const;

function splicesOf(
  cell: Cell,
  direction: Splice["direction"],
  members: readonly string[],
): Splice[] {
  return members.map((member) => ({ cell, direction, member }));
}

/**
 * All that the gateway changes in requests, answers and notifications that it carries. Within an era that is nothing.
 * docs/mcp.md has the same list with its reasons, and a test holds both together.
 */
export const SPLICES: readonly Splice[] = [
  ...splicesOf("modern → legacy", "to server", TRANSLATED_TO_LEGACY),
  ...splicesOf("modern → legacy", "to agent", [
    ...MADE_MODERN,
    ...["params.progressToken", "error.code"],
  ]),
  ...splicesOf("legacy → modern", "to server", TRANSLATED_TO_MODERN),
  ...splicesOf("legacy → modern", "to agent", ["id"]),
  ...splicesOf("REST → legacy", "to server", TRANSLATED_TO_LEGACY),
  ...splicesOf("REST → legacy", "to agent", ["params.progressToken"]),
  ...splicesOf("REST → modern", "to server", TRANSLATED_TO_MODERN),
];
