import { Failure } from "@gatewayops/platform/errors";
import { LEGACY_VERSION } from "../mcp/envelope.ts";
import { objectFrom } from "../mcp/json-object.ts";
import { memberText } from "../mcp/json-members.ts";
import { endSession, GATEWAY_INFO } from "./era.ts";
import { exchangeOnce } from "./exchange-once.ts";
import { noAnswer } from "./no-answer.ts";
import type { Upstream } from "./upstream.ts";

/** What a session is opened with. */
export type SessionOpening = {
  /** JSON of what the agent can do. */
  readonly capabilities: string;
  /** JSON of who the agent says it is; undefined: the gateway speaks for itself. */
  readonly clientInfo: string | undefined;
  /** Least severe log messages that are wanted; undefined for none. */
  readonly logLevel: string | undefined;
};

/** What a server said at the beginning of a session. Values are JSON text; empty: it said nothing. */
export type ServerHello = {
  readonly version: string;
  readonly capabilities: string;
  readonly serverInfo: string;
  readonly instructions: string;
};

/** A session of the gateway's own with a server of the legacy era. */
export type LegacySession = {
  readonly upstream: Upstream;
  /** Empty: the server gave none. */
  readonly id: string;
  /** Name of the endpoint that has it. */
  readonly endpoint: string;
  readonly hello: ServerHello;
};

/**
 * Opens a session.
 *
 * @throws Failure when the server cannot be reached or refuses
 */
export async function openLegacySession(
  upstream: Upstream,
  opening: SessionOpening,
  signal: AbortSignal,
): Promise<LegacySession> {
  const hello =
    `{"jsonrpc":"2.0","id":"initialize","method":"initialize","params":{"protocolVersion":"${LEGACY_VERSION}",` +
    `"capabilities":${opening.capabilities},"clientInfo":${opening.clientInfo ?? JSON.stringify(GATEWAY_INFO)}}}`;
  const begun = await exchangeOnce(upstream, {
    body: hello,
    headers: [],
    signal,
    timeoutMs: upstream.timeoutMs,
  });
  const { answer, status, sessionId, endpoint } = begun;
  if (!answer) throw noAnswer(upstream, begun);
  if (answer.errorCode !== 0)
    throw new Failure(
      "UPSTREAM_HTTP_ERROR",
      `The MCP server ${upstream.name} refused to begin a session (HTTP status ${status}, JSON-RPC code ${answer.errorCode}).`,
    );
  const session = { upstream, id: sessionId, endpoint, hello: helloFrom(answer.resultText) };
  await notify(session, "notifications/initialized", undefined, signal);
  if (opening.logLevel !== undefined && hasCapability(session.hello, "logging"))
    await tell(session, setLevelOf(opening.logLevel), signal);
  return session;
}

/** What every later message must say in a header. */
const HEADER_TEXT = /^[\x21-\x7e]{1,64}$/;

/** Reads what an `initialize` result says, in the server's own bytes. */
export function helloFrom(resultText: string): ServerHello {
  const { protocolVersion } = objectFrom(resultText);
  const bytes = Buffer.from(resultText.startsWith("{") ? resultText : "{}");
  const isSayable = typeof protocolVersion === "string" && HEADER_TEXT.test(protocolVersion);
  return {
    version: isSayable ? protocolVersion : LEGACY_VERSION,
    capabilities: memberText(bytes, "capabilities"),
    serverInfo: memberText(bytes, "serverInfo"),
    instructions: memberText(bytes, "instructions"),
  };
}

/** True when a server said that it has a capability, or a part of one. */
export function hasCapability(hello: ServerHello, name: string, part?: string): boolean {
  const found = objectFrom(hello.capabilities)[name];
  if (part === undefined) return found !== undefined;
  return typeof found === "object" && found !== null && Boolean(Reflect.get(found, part));
}

/** Headers of every message of a session. */
export function sessionHeaders({ id, hello }: LegacySession): string[] {
  const headers = ["mcp-protocol-version", hello.version];
  if (id !== "") headers.push("mcp-session-id", id);
  return headers;
}

/** Sends a notification. @throws Failure */
export function notify(
  session: LegacySession,
  method: string,
  params: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const rest = params === undefined ? "" : `,"params":${params}`;
  return tell(session, `{"jsonrpc":"2.0","method":"${method}"${rest}}`, signal);
}

/** Sends a message whose answer says nothing; calls may wait for it. @throws Failure */
export async function tell(
  session: LegacySession,
  message: string,
  signal: AbortSignal,
): Promise<void> {
  const { upstream } = session;
  await exchangeOnce(upstream, {
    body: message,
    headers: sessionHeaders(session),
    endpoint: session.endpoint,
    signal,
    timeoutMs: upstream.timeoutMs,
  });
}

export function closeLegacySession(session: LegacySession): Promise<void> {
  return session.id === ""
    ? Promise.resolve()
    : endSession(session.upstream, {
        id: session.id,
        version: session.hello.version,
        endpoint: session.endpoint,
      });
}

function setLevelOf(level: string): string {
  return `{"jsonrpc":"2.0","id":"level","method":"logging/setLevel","params":{"level":${JSON.stringify(level)}}}`;
}
