import { Failure } from "@gatewayops/platform/errors";
import type { Carrier } from "../mcp/carrier.ts";
import { LEGACY_ONLY } from "../mcp/carriers.ts";
import { ListenCarrier } from "../mcp/listen-carrier.ts";
import { ACCEPTED, LocalAnswer, unknownMethod } from "../mcp/local-answer.ts";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import type { Era } from "../mcp/message.ts";
import { callOfModern } from "../mcp/modern-call-carrier.ts";
import { ModernFace } from "../mcp/modern-face.ts";
import { SessionStream } from "../mcp/session-stream.ts";
import { callInSession, sessionCarrier } from "../mcp/translated-session.ts";
import { isListMethod } from "../policy/visible-lists.ts";
import type { AgentSession } from "../sessions/sessions.ts";
import { discoverAll, openAggregatedSession } from "./aggregated-hello.ts";
import { aggregatedList } from "./aggregated-list.ts";
import { watchAll } from "./aggregated-watch.ts";
import { listerOf } from "./lister.ts";

/** How a message to all of an agent's servers is carried; one that was routed goes to its server. */
export function aggregatedCarrier(exchange: McpExchange): Carrier | Promise<Carrier> {
  return exchange.message.era === "modern" ? forModern(exchange) : forLegacy(exchange);
}

function forModern(exchange: McpExchange): Carrier | Promise<Carrier> {
  const { message } = exchange;
  const { method, kind } = message;
  if (kind !== "request") return new LocalAnswer(exchange, () => ACCEPTED);
  if (exchange.serverName !== "")
    return toServer(exchange, (era) => callOfModern(exchange, era, new ModernFace(exchange)));
  if (LEGACY_ONLY.has(method)) return new LocalAnswer(exchange, () => unknownMethod(exchange));
  if (method === "server/discover") return new LocalAnswer(exchange, () => discoverAll(exchange));
  if (method === "subscriptions/listen") return new ListenCarrier(exchange, watchAll(exchange));
  return listOrUnknown(exchange);
}

function forLegacy(exchange: McpExchange): Carrier | Promise<Carrier> {
  const { message, session, httpMethod } = exchange;
  if (!session) {
    if (message.method === "initialize")
      return new LocalAnswer(exchange, () => openAggregatedSession(exchange));
    throw new Failure(
      "SESSION_REQUIRED",
      "Send `initialize` first; every later request needs the Mcp-Session-Id that it is answered with.",
    );
  }
  if (httpMethod === "DELETE")
    return new LocalAnswer(exchange, async () => {
      await exchange.context.sessions.end(session.id);
      return { status: 200 };
    });
  if (httpMethod === "GET") return new SessionStream(exchange, session, watchAll(exchange));
  return (
    sessionCarrier(exchange, session) ??
    (exchange.serverName === "" ? listOrUnknown(exchange) : inSession(exchange, session))
  );
}

/** Calls of one session share the servers' sessions, which may remember what was done before. */
function inSession(exchange: McpExchange, session: AgentSession): Carrier | Promise<Carrier> {
  return toServer(exchange, (era) => callInSession(exchange, session, { era, owner: session.id }));
}

function toServer(
  { context, upstream }: McpExchange,
  carry: (era: Era) => Carrier,
): Carrier | Promise<Carrier> {
  const era = context.calls.eraOf(upstream);
  return era instanceof Promise ? era.then(carry) : carry(era);
}

function listOrUnknown(exchange: McpExchange): Carrier {
  const { method } = exchange.message;
  return new LocalAnswer(exchange, () =>
    isListMethod(method)
      ? aggregatedList(exchange, method, listerOf(exchange))
      : unknownMethod(exchange),
  );
}
