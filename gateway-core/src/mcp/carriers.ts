import { Failure } from "@gatewayops/platform/errors";
import type { AgentSession } from "../sessions/sessions.ts";
import { turnedToBridge } from "../upstream/link.ts";
import { watchServer, type WatchOptions } from "../upstream/server-watch.ts";
import type { Carrier } from "./carrier.ts";
import { discoverLegacy } from "./discover-legacy.ts";
import { CLIENT_INFO_META } from "./envelope.ts";
import { listEditOf } from "./list-edit.ts";
import { ListRelay } from "./list-relay.ts";
import { ListenCarrier } from "./listen-carrier.ts";
import { isTransformed } from "./transformed-call.ts";
import {
  ACCEPTED,
  LocalAnswer,
  resultOf,
  unknownMethod,
  type LocalResult,
} from "./local-answer.ts";
import type { McpExchange } from "./mcp-exchange.ts";
import type { Era } from "./message.ts";
import { callOfModern } from "./modern-call-carrier.ts";
import { metaOf, ModernFace } from "./modern-face.ts";
import { Relay } from "./relay.ts";
import { RelayedInitialize } from "./relayed-session.ts";
import { cancelRunning, openTranslatedSession, translatedCarrier } from "./translated-session.ts";

/** How a message gets to its server; a promise when that must be found out. */
export function carrierOf(exchange: McpExchange): Carrier | Promise<Carrier> {
  const { message, context, upstream, session } = exchange;
  if (message.era === "legacy" && (session ?? message.method !== "initialize"))
    return session ? inSession(exchange, session) : withoutSession(exchange);
  const era = context.calls.eraOf(upstream);
  const carry = message.era === "modern" ? modernOn : initializeOn;
  return era instanceof Promise
    ? era.then((found) => carry(exchange, found))
    : carry(exchange, era);
}

/** Methods of the legacy era that the modern one does without (MCP 2026-07-28 changelog). */
export const LEGACY_ONLY: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);

function modernOn(exchange: McpExchange, era: Era): Carrier {
  const { message } = exchange;
  if (era === "modern") return modernOnModern(exchange);
  // The core has no notification of a client; what it is cannot be said to a server of the other era.
  if (message.kind !== "request") return new LocalAnswer(exchange, () => ACCEPTED);
  if (LEGACY_ONLY.has(message.method))
    return new LocalAnswer(exchange, () => unknownMethod(exchange));
  if (message.method === "server/discover")
    return new LocalAnswer(exchange, () => discoverLegacy(exchange));
  if (message.method === "subscriptions/listen")
    return new ListenCarrier(exchange, (watched) =>
      watchServer({ ...watched, ...watcherOf(exchange), era }),
    );
  return callOfModern(exchange, era, new ModernFace(exchange));
}

function modernOnModern(exchange: McpExchange): Carrier {
  const { message, upstream } = exchange;
  const edit = listEditOf(exchange);
  if (edit) return new ListRelay(exchange, undefined, edit);
  // Headers mirror arguments, and must be made anew for changed ones.
  if (isTransformed(upstream, message))
    return callOfModern(exchange, "modern", new ModernFace(exchange));
  return new Relay(exchange, undefined);
}

function watcherOf(exchange: McpExchange): Watcher {
  const { context, upstream, principal } = exchange;
  const info = metaOf(exchange)[CLIENT_INFO_META];
  return {
    calls: context.calls,
    upstream,
    owner: principal.keyIdText,
    clientInfo: info === undefined ? undefined : JSON.stringify(info),
  };
}

type Watcher = Pick<WatchOptions, "calls" | "upstream" | "owner" | "clientInfo">;

function initializeOn(exchange: McpExchange, era: Era): Carrier {
  return era === "legacy"
    ? new RelayedInitialize(exchange)
    : new LocalAnswer(exchange, () => openTranslatedSession(exchange));
}

function inSession(exchange: McpExchange, session: AgentSession): Carrier | Promise<Carrier> {
  if (exchange.httpMethod === "DELETE")
    return new LocalAnswer(exchange, () => endSession(exchange, session.id));
  if (session.state.kind !== "relay") return translatedCarrier(exchange, session);
  if (exchange.message.method === "notifications/cancelled") cancelRunning(exchange, session.id);
  const { link } = exchange.upstream;
  if (session.state.bridgeReplica === "" || link.isBridged)
    return legacyOnLegacy(exchange, session);
  // Another worker has found out that the server is behind the bridge.
  return turnedToBridge(link).then(() => legacyOnLegacy(exchange, session));
}

function legacyOnLegacy(exchange: McpExchange, session: AgentSession | undefined): Carrier {
  const edit = listEditOf(exchange);
  return edit ? new ListRelay(exchange, session, edit) : new Relay(exchange, session);
}

async function endSession({ context }: McpExchange, id: string): Promise<LocalResult> {
  await context.sessions.end(id);
  return { status: 200 };
}

/**
 * Servers without sessions, which the agent speaks to without one, are relayed to as they are: what a server of the
 * other era says to that is as good as what we could say.
 */
function withoutSession(exchange: McpExchange): Carrier {
  const { context, upstream, message } = exchange;
  if (context.calls.knownEraOf(upstream) !== "modern") return legacyOnLegacy(exchange, undefined);
  if (message.method === "ping") return new LocalAnswer(exchange, () => resultOf(exchange, "{}"));
  throw new Failure(
    "SESSION_REQUIRED",
    "Send `initialize` first; every later request needs the Mcp-Session-Id that it is answered with.",
  );
}
