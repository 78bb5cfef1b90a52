import type { IncomingHttpHeaders } from "node:http";

/** Headers of the request to the bridge that are about that request, or the bridge's own to set. */
const KEPT_BACK = new Set([
  "accept",
  "accept-encoding",
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "expect",
  "host",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
/** The gateway's own words to the bridge, and those of a newer MCP than the servers know. */
const KEPT_BACK_PREFIXES = ["x-gwo-", "mcp-"];

/** The headers that go on to the server: its credentials, and trace context. */
export function forwardedHeaders(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const forwarded: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || KEPT_BACK.has(name)) continue;
    if (!KEPT_BACK_PREFIXES.some((prefix) => name.startsWith(prefix))) forwarded[name] = value;
  }
  return forwarded;
}
