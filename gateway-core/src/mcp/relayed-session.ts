import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import type { AgentSession } from "../sessions/sessions.ts";
import type { SessionState } from "../sessions/session-store.ts";
import { endSession } from "../upstream/era.ts";
import { exchangeOnce } from "../upstream/exchange-once.ts";
import { noAnswer } from "../upstream/no-answer.ts";
import { helloFrom } from "../upstream/legacy-session.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Carrier } from "./carrier.ts";
import { PARAMS_MAX_BYTES } from "./session-request.ts";
import type { McpContext } from "./mcp-context.ts";
import { LEGACY_VERSION } from "./envelope.ts";
import { pushForwardHeaders } from "./forward-headers.ts";
import { memberText } from "./json-members.ts";
import type { McpExchange } from "./mcp-exchange.ts";

/** We take both forms of an answer, whatever the agent does. */
const NOT_FORWARDED = "accept";

/** Takes an agent's `initialize` to a legacy server. Where the server begins a session, the agent gets one of ours. */
export class RelayedInitialize implements Carrier {
  readonly #exchange: McpExchange;
  readonly #abort = new AbortController();
  #answer: ServerMessage | undefined;
  #status = 0;
  #session = "";

  constructor(exchange: McpExchange) {
    this.#exchange = exchange;
  }

  start(): void {
    this.#run().catch((error: unknown) => {
      this.#exchange.fail(error);
    });
  }

  answer(): void {
    const headers = this.#session === "" ? [] : ["mcp-session-id", this.#session];
    this.#exchange.sendDocument(this.#status, headers, this.#answer?.bytes);
  }

  answerFailure(): boolean {
    return false;
  }

  clientGone(): void {
    this.#abort.abort(new Failure("CLIENT_GONE", "The agent closed the connection."));
  }

  async #run(): Promise<void> {
    const exchange = this.#exchange;
    const { upstream, context, principal } = exchange;
    const headers: string[] = [];
    pushForwardHeaders(exchange, headers, NOT_FORWARDED);
    const { answer, status, sessionId, endpoint } = await context.calls.repeated(
      upstream,
      false,
      async () => {
        exchange.attempts++;
        const once = await exchangeOnce(upstream, {
          body: exchange.body,
          headers,
          signal: this.#abort.signal,
          timeoutMs: upstream.timeoutMs,
        });
        if (!once.answer) throw noAnswer(upstream, once);
        return { ...once, answer: once.answer };
      },
    );
    if (sessionId !== "") {
      const state = stateOf(exchange, { id: sessionId, endpoint }, answer);
      try {
        this.#session = await context.sessions.open(principal, state);
      } catch (error) {
        await endSession(upstream, { id: sessionId, version: state.version, endpoint });
        throw error;
      }
    }
    this.#answer = answer;
    this.#status = status;
    exchange.responseBytes = answer.bytes.length;
    exchange.end({
      outcome: answer.errorCode === 0 ? Outcome.OK : Outcome.RPC_ERROR,
      httpStatus: status,
      rpcCode: answer.errorCode,
      failure: undefined,
    });
  }
}

function stateOf(
  exchange: McpExchange,
  session: { readonly id: string; readonly endpoint: string },
  answer: ServerMessage,
): SessionState {
  const { principal, serverName, upstream, context } = exchange;
  const params = memberText(exchange.body, "params");
  return {
    kind: "relay",
    orgId: principal.orgIdText,
    keyId: principal.keyIdText,
    server: serverName,
    upstreamSession: session.id,
    endpoint: session.endpoint,
    version: answer.errorCode === 0 ? helloFrom(answer.resultText).version : LEGACY_VERSION,
    initializeParams: Buffer.byteLength(params) > PARAMS_MAX_BYTES ? "" : params,
    logLevel: "",
    subscriptions: [],
    bridgeReplica: upstream.link.isBridged ? context.replicaId : "",
  };
}

/**
 * Begins a session anew that the server has lost, as the agent had begun it. Of requests that find this out at the same
 * time one does it for all.
 *
 * @throws Failure
 */
export function reopenRelayedSession(
  context: McpContext,
  upstream: Upstream,
  session: AgentSession,
): Promise<SessionState> {
  const known = context.reopening.get(session.id);
  if (known) return known;
  const reopening = reopen(context, upstream, session).finally(() => {
    context.reopening.delete(session.id);
  });
  context.reopening.set(session.id, reopening);
  return reopening;
}

async function reopen(
  context: McpContext,
  upstream: Upstream,
  { id, state }: AgentSession,
): Promise<SessionState> {
  const newest = await context.sessions.reread(id);
  // Another worker was faster.
  if (newest.upstreamSession !== state.upstreamSession) return newest;
  if (state.initializeParams === "")
    throw new Failure(
      "SESSION_UNKNOWN",
      "The MCP server has lost the session. Send `initialize` to begin a new one.",
    );
  const signal = AbortSignal.timeout(upstream.timeoutMs);
  const hello = `{"jsonrpc":"2.0","id":"initialize","method":"initialize","params":${state.initializeParams}}`;
  const { timeoutMs } = upstream;
  const begun = await exchangeOnce(upstream, { body: hello, headers: [], signal, timeoutMs });
  if (begun.answer?.errorCode !== 0 || begun.sessionId === "") throw noAnswer(upstream, begun);
  const headers = ["mcp-session-id", begun.sessionId, "mcp-protocol-version", state.version];
  const say = (message: object): Promise<unknown> => {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    const { endpoint } = begun;
    return exchangeOnce(upstream, { body, headers, signal, timeoutMs, endpoint });
  };
  await say({ method: "notifications/initialized" });
  if (state.logLevel !== "")
    await say({ id: "level", method: "logging/setLevel", params: { level: state.logLevel } });
  for (const uri of state.subscriptions)
    await say({ id: uri, method: "resources/subscribe", params: { uri } });
  const { sessionId: upstreamSession, endpoint } = begun;
  return context.sessions.change(id, (now) => ({ ...now, upstreamSession, endpoint }));
}

/** Most subscriptions that are kept of a session. */
const SUBSCRIPTIONS_MAX = 1_000;

/** Remembers what a request set in the server's session, for a session that must be begun anew. */
export function noteInSession({ message, context }: McpExchange, { id }: AgentSession): void {
  const { level, uri } = message.params;
  const edit = editOf(message.method, typeof level === "string" ? level : "", uri);
  if (!edit) return;
  // What is not noted is lost with the server's session, as it is without a gateway.
  context.sessions.change(id, edit).catch(() => undefined);
}

/** What a request changes in the state of its session; undefined for nothing. */
export function editOf(
  method: string,
  level: string,
  uri: unknown,
): ((state: SessionState) => SessionState) | undefined {
  if (method === "logging/setLevel") return (state) => ({ ...state, logLevel: level });
  if (typeof uri !== "string") return undefined;
  if (method === "resources/subscribe")
    return (state) => ({
      ...state,
      subscriptions: [...new Set([...state.subscriptions, uri])].slice(-SUBSCRIPTIONS_MAX),
    });
  if (method === "resources/unsubscribe")
    return (state) => ({
      ...state,
      subscriptions: state.subscriptions.filter((one) => one !== uri),
    });
  return undefined;
}
