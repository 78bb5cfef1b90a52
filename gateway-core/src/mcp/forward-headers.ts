import { Failure } from "@gatewayops/platform/errors";
import type { Exchange } from "../stages/exchange.ts";
import type { SessionIds } from "./session-id.ts";

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
 * Adds the headers that go to the MCP server: the agent's protocol headers, our trace context, and the server's own
 * session id in place of the sealed one.
 *
 * @returns the failure when the session id was not given to this principal
 */
export function pushForwardHeaders(
  exchange: Exchange,
  sessionIds: SessionIds,
  headers: string[],
): Failure | undefined {
  const given = exchange.request.headers;
  for (const name of FORWARDED) {
    const value = given[name];
    if (typeof value === "string") headers.push(name, value);
  }
  // MCP 2026-07-28 streamable-http: intermediaries forward Mcp-Param-* headers they do not know. Older ones have none.
  if (exchange.message.era === "modern")
    for (const name in given) {
      const value = given[name];
      if (name.startsWith("mcp-param-") && typeof value === "string") headers.push(name, value);
    }
  const traceparent = exchange.trace?.traceparent ?? given["traceparent"];
  if (typeof traceparent === "string") headers.push("traceparent", traceparent);
  const sealed = given["mcp-session-id"];
  if (typeof sealed !== "string") return undefined;
  const session = sessionIds.unseal(sealed, exchange.principal, exchange.upstream.idText);
  if (session === undefined)
    // 404 tells a legacy client to initialize again (MCP 2025-11-25 transports §Session Management).
    return new Failure(
      "SESSION_UNKNOWN",
      "There is no such session. Send `initialize` to begin a new one.",
    );
  headers.push("mcp-session-id", session);
  return undefined;
}
