import { Failure } from "@gatewayops/platform/errors";
import type { AgentSession } from "../sessions/sessions.ts";
import { watchServer } from "../upstream/server-watch.ts";
import { CallCarrier } from "./call-carrier.ts";
import type { Carrier } from "./carrier.ts";
import { withoutMembers } from "./discover-legacy.ts";
import { LEGACY_VERSION, LEGACY_VERSIONS, SERVER_INFO_META } from "./envelope.ts";
import { memberText } from "./json-members.ts";
import type { Era } from "./message.ts";
import { listEditOf } from "./list-edit.ts";
import { LegacyFace } from "./legacy-face.ts";
import {
  ACCEPTED,
  LocalAnswer,
  resultOf,
  unknownMethod,
  type LocalResult,
} from "./local-answer.ts";
import type { McpExchange } from "./mcp-exchange.ts";
import { editOf } from "./relayed-session.ts";
import { PARAMS_MAX_BYTES, requestOf } from "./session-request.ts";
import { SessionStream } from "./session-stream.ts";

// An agent of the legacy era with a server of the modern one. The session is the gateway's alone; the server hears of
// it what each request must say.

/** Extensions are agreed on in the modern era's own way, which the agent does not speak. */
const NOT_CARRIED: ReadonlySet<string> = new Set(["extensions"]);

/** Answers `initialize`. */
export async function openTranslatedSession(exchange: McpExchange): Promise<LocalResult> {
  const { context, principal, serverName, message, body, upstream } = exchange;
  const initializeParams = memberText(body, "params") || "{}";
  if (Buffer.byteLength(initializeParams) > PARAMS_MAX_BYTES)
    throw new Failure(
      "REQUEST_INVALID",
      `params: of initialize may have at most ${PARAMS_MAX_BYTES} bytes.`,
    );
  const discovered = await context.calls.ask(
    "modern",
    requestOf(exchange, initializeParams, "", "server/discover"),
  );
  if (discovered.errorCode !== 0)
    throw new Failure(
      "UPSTREAM_RPC_ERROR",
      `The MCP server ${upstream.name} refused server/discover (JSON-RPC code ${discovered.errorCode}).`,
    );
  const version = versionFor(message.params["protocolVersion"]);
  const id = await context.sessions.open(principal, {
    kind: "translated",
    orgId: principal.orgIdText,
    keyId: principal.keyIdText,
    server: serverName,
    upstreamSession: "",
    version,
    initializeParams,
    logLevel: "",
    subscriptions: [],
    bridgeReplica: "",
  });
  const result = resultOf(exchange, initializeResult(discovered.resultText, version, serverName));
  return { ...result, headers: ["mcp-session-id", id] };
}

/** The version an agent asked for, where it is one of the legacy era, else the newest of that. */
export function versionFor(asked: unknown): string {
  return LEGACY_VERSIONS.find((version) => version === asked) ?? LEGACY_VERSION;
}

function initializeResult(discovered: string, version: string, serverName: string): string {
  const result = Buffer.from(discovered);
  const meta = memberText(result, "_meta");
  const info = meta.startsWith("{") ? memberText(Buffer.from(meta), SERVER_INFO_META) : "";
  const instructions = memberText(result, "instructions");
  const members = [
    `"protocolVersion":"${version}"`,
    `"capabilities":${withoutMembers(memberText(result, "capabilities") || "{}", NOT_CARRIED)}`,
    // The legacy era wants to know; a modern server need not say.
    `"serverInfo":${info || JSON.stringify({ name: serverName, version: "unknown" })}`,
    ...(instructions === "" ? [] : [`"instructions":${instructions}`]),
  ];
  return `{${members.join(",")}}`;
}

/** How a message of such a session is carried. */
export function translatedCarrier(exchange: McpExchange, session: AgentSession): Carrier {
  if (exchange.httpMethod === "GET") {
    requireKnownVersion(exchange);
    return streamOf(exchange, session);
  }
  return (
    sessionCarrier(exchange, session) ??
    callInSession(exchange, session, { era: "modern", owner: exchange.principal.keyIdText })
  );
}

/** How a message is carried that the session itself answers; undefined when a server must. */
export function sessionCarrier(exchange: McpExchange, session: AgentSession): Carrier | undefined {
  const { message } = exchange;
  requireKnownVersion(exchange);
  if (message.kind !== "request")
    return new LocalAnswer(exchange, () => takeMessage(exchange, session));
  switch (message.method) {
    case "ping":
      return new LocalAnswer(exchange, () => resultOf(exchange, "{}"));
    case "initialize":
      throw new Failure("REQUEST_INVALID", "The session is initialized already.");
    case "logging/setLevel":
    case "resources/subscribe":
    case "resources/unsubscribe":
      return new LocalAnswer(exchange, () => changeSession(exchange, session));
  }
  // Tasks of the legacy era are another API than those of the modern one.
  if (message.method.startsWith("tasks/"))
    return new LocalAnswer(exchange, () => unknownMethod(exchange));
  return undefined;
}

/** Carries a request of a session to a server. @param server its era, and whose sessions with it are used */
export function callInSession(
  exchange: McpExchange,
  session: AgentSession,
  { era, owner }: { readonly era: Era; readonly owner: string },
): Carrier {
  const face = new LegacyFace(exchange, session.id);
  const { initializeParams, logLevel } = session.state;
  const { method } = exchange.message;
  const request = { ...requestOf(exchange, initializeParams, logLevel, method), owner };
  const carrier = new CallCarrier({
    ...{ exchange, era, request, face },
    edit: listEditOf(exchange),
  });
  face.attach(carrier);
  return carrier;
}

function streamOf(exchange: McpExchange, session: AgentSession): SessionStream {
  const { context, upstream, principal } = exchange;
  const clientInfo = memberText(Buffer.from(session.state.initializeParams), "clientInfo");
  return new SessionStream(exchange, session, (watched) =>
    watchServer({
      ...watched,
      calls: context.calls,
      upstream,
      era: "modern",
      owner: principal.keyIdText,
      clientInfo: clientInfo || undefined,
    }),
  );
}

/** A version header that is none of the era's is refused (MCP 2025-11-25 transports §Protocol Version Header). */
function requireKnownVersion({ request }: McpExchange): void {
  const version = request.headers["mcp-protocol-version"];
  if (version === undefined || LEGACY_VERSIONS.some((known) => known === version)) return;
  throw new Failure(
    "REQUEST_INVALID",
    `MCP-Protocol-Version: must be one of ${LEGACY_VERSIONS.join(", ")} in this session.`,
  );
}

/** Takes a notification, or an answer to what the agent was asked. */
function takeMessage(exchange: McpExchange, { id }: AgentSession): LocalResult {
  const { message, context, body } = exchange;
  if (message.kind === "response") {
    const asked: unknown = JSON.parse(message.idText);
    if (typeof asked === "string" && context.asked.answered(id, asked, body)) return ACCEPTED;
    throw new Failure(
      "CALL_LOST",
      "Nothing waits for this answer: the call it belongs to is over, or the gateway process that held it is gone.",
    );
  }
  if (message.method === "notifications/cancelled") cancelRunning(exchange, id);
  return ACCEPTED;
}

/** Has the call that a cancellation names stopped, on whichever worker it runs. */
export function cancelRunning({ context, body }: McpExchange, session: string): void {
  const request = memberText(Buffer.from(memberText(body, "params") || "{}"), "requestId");
  if (request !== "" && !context.running.cancel(session, request))
    context.tell({ kind: "cancel", session, request });
}

async function changeSession(exchange: McpExchange, { id }: AgentSession): Promise<LocalResult> {
  const { message, context } = exchange;
  const { level, uri } = message.params;
  const isLevel = message.method === "logging/setLevel";
  if (isLevel ? typeof level !== "string" : typeof uri !== "string")
    throw new Failure("REQUEST_INVALID", `params.${isLevel ? "level" : "uri"}: must be text.`);
  const edit = editOf(message.method, typeof level === "string" ? level : "", uri);
  if (edit) await context.sessions.change(id, edit);
  return resultOf(exchange, "{}");
}
