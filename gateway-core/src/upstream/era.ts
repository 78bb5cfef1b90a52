import {
  CAPABILITIES_META,
  CLIENT_INFO_META,
  MODERN_VERSION,
  VERSION_META,
} from "../mcp/envelope.ts";
import { objectFrom } from "../mcp/json-object.ts";
import type { Era } from "../mcp/message.ts";
import { transformedHeaders } from "../mcp/transformed-call.ts";
import { exchangeOnce, type OneAnswer } from "./exchange-once.ts";
import { endpointOf } from "./link.ts";
import { noAnswer } from "./no-answer.ts";
import type { ServerMessage } from "./server-message.ts";
import type { Upstream } from "./upstream.ts";

/** Who the gateway says it is where it asks for itself. */
export const GATEWAY_INFO = { name: "gatewayops", version: "0.1.0" } as const;

/** Milliseconds for which what a probe found is believed: servers are upgraded. */
const BELIEVED_MS = 10 * 60_000;
const PROBE_TIMEOUT_MS = 10_000;
/** Milliseconds a server has to end a session. */
const END_TIMEOUT_MS = 2_000;

/** UnsupportedProtocolVersion (MCP 2026-07-28 basic §Error Codes). */
export const VERSION_UNSUPPORTED = -32022;

/** Asks a server which versions of the modern era it speaks. @param id of the request */
export function discoverMessage(id: string | number): string {
  const _meta = {
    [VERSION_META]: MODERN_VERSION,
    [CAPABILITIES_META]: {},
    [CLIENT_INFO_META]: GATEWAY_INFO,
  };
  return JSON.stringify({ jsonrpc: "2.0", id, method: "server/discover", params: { _meta } });
}
const DISCOVER = discoverMessage("probe");

/** The era a server speaks, the modern one where it has both; undefined when that is not known. */
export function knownEra({ link }: Upstream, nowMs: number): Era | undefined {
  return nowMs - link.probedAt > BELIEVED_MS ? undefined : link.era;
}

/**
 * Finds out which era a server speaks and remembers it (MCP 2026-07-28 basic/versioning §Backward Compatibility).
 *
 * @throws Failure when the server cannot be reached or refuses us, which says nothing of its era
 */
export async function probeEra(upstream: Upstream, now: () => number): Promise<Era> {
  const { link } = upstream;
  link.probing ??= probe(upstream, now).finally(() => {
    link.probing = undefined;
  });
  return link.probing;
}

async function probe(upstream: Upstream, now: () => number): Promise<Era> {
  const { link } = upstream;
  const headers = ["mcp-protocol-version", MODERN_VERSION, "mcp-method", "server/discover"];
  const { answer } = await ask(upstream, DISCOVER, headers);
  const era = isModern(answer) ? "modern" : "legacy";
  // What does not even speak JSON-RPC here may be a server over HTTP+SSE.
  if (!answer) await link.toBridge?.();
  link.era = era;
  link.probedAt = now();
  return era;
}

/** A result that names our revision, or the refusal of another one by a server that has ours. */
function isModern(answer: ServerMessage | undefined): boolean {
  if (!answer) return false;
  const { supportedVersions } = objectFrom(answer.resultText);
  if (Array.isArray(supportedVersions)) return supportedVersions.includes(MODERN_VERSION);
  if (answer.errorCode !== VERSION_UNSUPPORTED) return false;
  const { error } = JSON.parse(answer.bytes.toString("utf8")) as {
    error?: { data?: { supported?: unknown } };
  };
  const supported = error?.data?.supported;
  return Array.isArray(supported) && supported.includes(MODERN_VERSION);
}

async function ask(
  upstream: Upstream,
  body: string,
  headers: readonly string[],
): Promise<OneAnswer> {
  const timeoutMs = Math.min(PROBE_TIMEOUT_MS, upstream.timeoutMs);
  const signal = AbortSignal.timeout(timeoutMs);
  const found = await exchangeOnce(upstream, { body, headers, signal, timeoutMs });
  const { status } = found;
  if (status === 401 || status === 403 || status === 429 || status >= 500)
    throw noAnswer(upstream, found);
  // A refusal tells of the other era. A page, a redirect or half an answer tells of neither, and must not be believed.
  if (!found.answer && status < 400) throw noAnswer(upstream, found);
  return found;
}

/** Tells a server that a session is over (MCP 2025-11-25 transports §Session Management). Never fails. */
export async function endSession(
  upstream: Upstream,
  session: { readonly id: string; readonly version: string; readonly endpoint: string },
): Promise<void> {
  const { link } = upstream;
  try {
    const { pool } = await endpointOf(link, session.endpoint);
    const response = await pool.request({
      method: "DELETE",
      path: link.path,
      headers: transformedHeaders(
        upstream,
        [
          ...link.headers,
          ...["mcp-session-id", session.id, "mcp-protocol-version", session.version],
        ],
        undefined,
      ),
      signal: AbortSignal.timeout(END_TIMEOUT_MS),
    });
    await response.body.dump();
  } catch {
    // The server ends forgotten sessions itself, or is gone.
  }
}
