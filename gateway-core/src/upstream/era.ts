import {
  CAPABILITIES_META,
  CLIENT_INFO_META,
  LEGACY_VERSION,
  MODERN_VERSION,
  VERSION_META,
} from "../mcp/envelope.ts";
import { objectFrom } from "../mcp/json-object.ts";
import type { Era } from "../mcp/message.ts";
import { exchangeOnce, type OneAnswer } from "./exchange-once.ts";
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
const VERSION_UNSUPPORTED = -32022;
/** What a server without the legacy era answers to `initialize`: unknown method, missing envelope, unknown version. */
const MODERN_ONLY_CODES: ReadonlySet<number> = new Set([
  -32601,
  -32602,
  -32020,
  VERSION_UNSUPPORTED,
]);

const DISCOVER = JSON.stringify({
  jsonrpc: "2.0",
  id: "probe",
  method: "server/discover",
  params: {
    _meta: {
      [VERSION_META]: MODERN_VERSION,
      [CAPABILITIES_META]: {},
      [CLIENT_INFO_META]: GATEWAY_INFO,
    },
  },
});
const INITIALIZE = JSON.stringify({
  jsonrpc: "2.0",
  id: "probe",
  method: "initialize",
  params: { protocolVersion: LEGACY_VERSION, capabilities: {}, clientInfo: GATEWAY_INFO },
});

/** The era to speak with a server for an agent of an era, if it is known: the agent's own where the server has both. */
export function knownEra(upstream: Upstream, wanted: Era, nowMs: number): Era | undefined {
  const { link } = upstream;
  if (nowMs - link.probedAt > BELIEVED_MS) return undefined;
  if (link[wanted] === true) return wanted;
  if (link[wanted] === false) return wanted === "modern" ? "legacy" : "modern";
  return undefined;
}

/**
 * Finds out which eras a server speaks and remembers it (MCP 2026-07-28 basic/versioning §Backward Compatibility).
 *
 * @throws Failure when the server cannot be reached or refuses us, which says nothing of its era
 */
export async function probeEra(upstream: Upstream, wanted: Era, now: () => number): Promise<Era> {
  const { link } = upstream;
  link.probing ??= probe(upstream, wanted, now).finally(() => {
    link.probing = undefined;
  });
  await link.probing;
  return knownEra(upstream, wanted, now()) ?? probeEra(upstream, wanted, now);
}

async function probe(upstream: Upstream, wanted: Era, now: () => number): Promise<void> {
  const { link } = upstream;
  const found = await ask(upstream, DISCOVER, [
    ...["mcp-protocol-version", MODERN_VERSION, "mcp-method", "server/discover"],
  ]);
  const modern = isModern(found.answer);
  let legacy: boolean | undefined = modern ? undefined : true;
  if (modern && wanted === "legacy") legacy = await speaksLegacy(upstream);
  if (!modern && !found.answer && link.toBridge) await link.toBridge();
  link.modern = modern;
  link.legacy = legacy;
  link.probedAt = now();
}

/** A result, or the refusal of the version by a server that has other modern ones. */
function isModern(answer: ServerMessage | undefined): boolean {
  if (!answer) return false;
  const { supportedVersions } = objectFrom(answer.resultText);
  return Array.isArray(supportedVersions) && supportedVersions.includes(MODERN_VERSION);
}

async function speaksLegacy(upstream: Upstream): Promise<boolean> {
  const { answer, sessionId } = await ask(upstream, INITIALIZE, []);
  if (sessionId !== "") await endSession(upstream, sessionId, LEGACY_VERSION);
  return answer !== undefined && !MODERN_ONLY_CODES.has(answer.errorCode);
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
  sessionId: string,
  version: string,
): Promise<void> {
  const { link } = upstream;
  try {
    const response = await link.pool.request({
      method: "DELETE",
      path: link.path,
      headers: [...link.headers, "mcp-session-id", sessionId, "mcp-protocol-version", version],
      signal: AbortSignal.timeout(END_TIMEOUT_MS),
    });
    await response.body.dump();
  } catch {
    // The server ends forgotten sessions itself, or is gone.
  }
}
