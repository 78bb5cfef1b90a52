import { Failure } from "@gatewayops/platform/errors";
import type { BusMessage } from "../cluster/bus.ts";
import type { Peers } from "../cluster/peers.ts";
import type { AgentSession, Sessions } from "../sessions/sessions.ts";
import type { SessionState } from "../sessions/session-store.ts";
import type { ServerCalls } from "../upstream/server-calls.ts";
import type { AskedAgents } from "./asked-agents.ts";
import type { Carrier } from "./carrier.ts";
import { discoverLegacy } from "./discover-legacy.ts";
import { ListenOnLegacy } from "./listen-on-legacy.ts";
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
import { ModernFace } from "./modern-face.ts";
import type { StateSeal } from "./owned-ids.ts";
import type { ParkedCalls } from "./parked-calls.ts";
import { Relay } from "./relay.ts";
import { RelayedInitialize } from "./relayed-session.ts";
import type { RunningCalls } from "./running-calls.ts";
import { cancelRunning, openTranslatedSession, translatedCarrier } from "./translated-session.ts";

/** What the MCP face of a worker works with. */
export type McpContext = {
  /** Name of this worker, unique among all that ever ran. */
  readonly owner: string;
  /** Name of this gateway, shared by its workers. */
  readonly replicaId: string;
  readonly sessions: Sessions;
  readonly calls: ServerCalls;
  readonly parked: ParkedCalls;
  readonly asked: AskedAgents;
  readonly running: RunningCalls;
  readonly stateSeal: StateSeal;
  /** Sessions being begun anew with their server, by id. */
  readonly reopening: Map<string, Promise<SessionState>>;
  readonly tell: (message: BusMessage) => void;
  readonly peers: Peers;
};

/** How a message gets to its server; a promise when that must be found out. */
export function carrierOf(exchange: McpExchange): Carrier | Promise<Carrier> {
  const { message, context, upstream, session } = exchange;
  if (message.era === "legacy" && (session ?? message.method !== "initialize"))
    return session ? inSession(exchange, session) : withoutSession(exchange);
  const era = context.calls.eraOf(upstream, message.era);
  const carry = message.era === "modern" ? modernOn : initializeOn;
  return era instanceof Promise
    ? era.then((found) => carry(exchange, found))
    : carry(exchange, era);
}

/** Methods of the legacy era that the modern one does without (MCP 2026-07-28 changelog). */
const LEGACY_ONLY: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);

function modernOn(exchange: McpExchange, era: Era): Carrier {
  const { message } = exchange;
  if (era === "modern") return new Relay(exchange, undefined);
  // The core has no notification of a client; what it is cannot be said to a server of the other era.
  if (message.kind !== "request") return new LocalAnswer(exchange, () => ACCEPTED);
  if (LEGACY_ONLY.has(message.method))
    return new LocalAnswer(exchange, () => unknownMethod(exchange));
  if (message.method === "server/discover")
    return new LocalAnswer(exchange, () => discoverLegacy(exchange));
  if (message.method === "subscriptions/listen") return new ListenOnLegacy(exchange);
  return callOfModern(exchange, era, new ModernFace(exchange));
}

function initializeOn(exchange: McpExchange, era: Era): Carrier {
  return era === "legacy"
    ? new RelayedInitialize(exchange)
    : new LocalAnswer(exchange, () => openTranslatedSession(exchange));
}

function inSession(exchange: McpExchange, session: AgentSession): Carrier {
  if (exchange.httpMethod === "DELETE")
    return new LocalAnswer(exchange, () => endSession(exchange, session.id));
  if (session.state.kind !== "relay") return translatedCarrier(exchange, session);
  if (exchange.message.method === "notifications/cancelled") cancelRunning(exchange, session.id);
  return new Relay(exchange, session);
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
  if (context.calls.knownEraOf(upstream, "legacy") !== "modern")
    return new Relay(exchange, undefined);
  if (message.method === "ping") return new LocalAnswer(exchange, () => resultOf(exchange, "{}"));
  throw new Failure(
    "SESSION_REQUIRED",
    "Send `initialize` first; every later request needs the Mcp-Session-Id that it is answered with.",
  );
}
