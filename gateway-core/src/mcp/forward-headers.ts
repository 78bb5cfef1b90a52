import type { Exchange } from "../stages/exchange.ts";

/** Headers an agent may send through to a server. Credentials, cookies and hop-by-hop headers never go. */
const FORWARDED = [
  "accept",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name",
  "last-event-id",
  "tracestate",
  "baggage",
];

/**
 * Adds the headers that go to the MCP server: the agent's protocol headers and our trace context.
 *
 * @param without one that does not go
 */
export function pushForwardHeaders(exchange: Exchange, headers: string[], without = ""): void {
  const given = exchange.request.headers;
  for (const name of FORWARDED) {
    const value = given[name];
    if (typeof value === "string" && name !== without) headers.push(name, value);
  }
  // MCP 2026-07-28 streamable-http: intermediaries forward Mcp-Param-* headers they do not know. Older ones have none.
  if (exchange.message.era === "modern")
    for (const name in given) {
      const value = given[name];
      if (name.startsWith("mcp-param-") && typeof value === "string") headers.push(name, value);
    }
  const traceparent = exchange.trace?.traceparent ?? given["traceparent"];
  if (typeof traceparent === "string") headers.push("traceparent", traceparent);
}
