import { setTimeout as delay } from "node:timers/promises";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import { changedRequest, WITHOUT_ENVELOPE } from "../mcp/envelope.ts";
import { memberText, textAt } from "../mcp/json-members.ts";
import { isSameId } from "../mcp/rpc-id.ts";
import { toolOf } from "../mcp/transformed-call.ts";
import { timedOut } from "./dispatch-errors.ts";
import { CLOSE_MS } from "./exchange-once.ts";
import { noAnswer } from "./no-answer.ts";
import { notify, sessionHeaders, tell, type LegacySession } from "./legacy-session.ts";
import type { HeldSession, LegacySessions } from "./legacy-sessions.ts";
import { exchangeMessages, type EndedExchange, type MessageExchange } from "./message-stream.ts";
import { RESUMES_MAX, resumeDelayMs, resumeHeaders, saysSessionLost } from "./resume.ts";
import { retryDelayMs } from "./retry.ts";
import type { CallListener, CallRequest, ServerCall } from "./server-call.ts";
import { isAnswerTo, readServerMessage, type ServerMessage } from "./server-message.ts";
import type { Upstream } from "./upstream.ts";

export type LegacyCallOptions = {
  readonly sessions: LegacySessions;
  readonly maxRetries: number;
  readonly now: () => number;
};

/** Milliseconds that a server may wait for the agent's answer to what it asked. */
export const ASKED_MAX_MS = 10 * 60_000;
/** What a server may ask during one call before it has answers. */
const ASKED_MAX = 64;
const TOO_MUCH = '"error":{"code":-32603,"message":"Too much is asked at once."}';

let lastId = 0;

/** A request made of a server of the legacy era, in a session of the gateway's own. */
export class LegacyCall implements ServerCall {
  listener: CallListener;
  serverInfo = "";
  readonly #request: CallRequest;
  readonly #options: LegacyCallOptions;
  readonly #id: string;
  readonly #abort = new AbortController();
  /** JSON of the agent's own progress token; empty when it wants no progress. */
  #progressToken: string;
  /** JSON of ids that the server waits for. */
  readonly #asked = new Set<string>();
  #held: HeldSession | undefined;
  #answer: ServerMessage | undefined;
  #isStream = false;
  #isSent = false;
  #hasAnswerBegun = false;
  #isOver = false;
  #hasBegunAnew = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(request: CallRequest, listener: CallListener, options: LegacyCallOptions) {
    this.#request = request;
    this.listener = listener;
    this.#options = options;
    this.#id = `"gwo-${++lastId}"`;
    this.#progressToken = progressTokenOf(request.message);
  }

  get upstream(): Upstream {
    return this.#request.upstream;
  }

  start(): void {
    this.#run().catch((error: unknown) => {
      this.#fail(failureFrom(error));
    });
  }

  respond(idText: string, outcome: string): void {
    const held = this.#held;
    if (!held || !this.#asked.delete(idText)) return;
    this.#watchSilence();
    tell(held.session, `{"jsonrpc":"2.0","id":${idText},${outcome}}`, this.#abort.signal).catch(
      (error: unknown) => {
        this.#fail(failureFrom(error));
      },
    );
  }

  cancel(reason: string): void {
    if (this.#isOver) return;
    const held = this.#held;
    this.#over(0);
    if (!held) return;
    const params = `{"requestId":${this.#id},"reason":${JSON.stringify(reason)}}`;
    notify(held.session, "notifications/cancelled", params, AbortSignal.timeout(5_000))
      // The server hears of it by the closed stream as well, or is gone.
      .catch(() => undefined)
      .finally(() => {
        held.release();
      });
  }

  continueFor(message: Buffer): void {
    this.#progressToken = progressTokenOf(message);
  }

  async #run(): Promise<void> {
    const { now, maxRetries } = this.#options;
    const { isSafe, upstream } = this.#request;
    const endMs = now() + upstream.timeoutMs;
    // One time for all attempts, the opening of a session among them.
    this.#watchSilence();
    for (let attempts = 1; ; attempts++) {
      this.#isSent = false;
      try {
        if (await this.#attempt()) return;
        if (attempts > Math.max(1, maxRetries)) throw sessionsLost(upstream);
      } catch (error) {
        this.#held?.release();
        this.#held = undefined;
        if (this.#isOver) return;
        const failure = failureFrom(error);
        const delayMs = retryDelayMs(
          {
            failure,
            attempts,
            // What failed before it was sent did no harm: the opening of the session.
            isSafe: isSafe || !this.#isSent,
            hasAnswerBegun: this.#hasAnswerBegun,
            leftMs: endMs - now(),
          },
          maxRetries,
          Math.random(),
        );
        if (delayMs === undefined) throw failure;
        await delay(delayMs);
        // The agent may have given up meanwhile.
        if (this.#abort.signal.aborted) return;
      }
    }
  }

  /** @returns false when the server had lost the session, which refused the request without running it */
  async #attempt(): Promise<boolean> {
    const { upstream } = this.#request;
    const held = (this.#held = await this.#options.sessions.hold(
      {
        ...this.#request,
        onMessage: (message) => void this.#onMessage(message),
      },
      this.#abort.signal,
    ));
    const { session } = held;
    this.serverInfo = session.hello.serverInfo;
    this.listener.onAttempt();
    this.#isSent = true;
    let ended = await this.#exchange(session, "POST", this.#bytes(), []);
    const hasSession = session.id !== "" && !this.#hasBegunAnew;
    if (hasSession && saysSessionLost(ended.status, this.#answer?.bytes)) {
      // Once: a server that loses each session at once is broken.
      this.#hasBegunAnew = true;
      this.#answer = undefined;
      this.#hasAnswerBegun = false;
      held.discard();
      this.#held = undefined;
      return false;
    }
    // The server may close the stream and want it to be resumed (MCP 2025-11-25 transports §Sending Messages).
    for (let resumes = 0; !this.#answer && ended.lastEventId !== ""; resumes++) {
      if (resumes >= RESUMES_MAX) break;
      await delay(resumeDelayMs(ended.retryMs), undefined, {
        signal: this.#abort.signal,
      });
      ended = await this.#exchange(session, "GET", null, resumeHeaders(ended.lastEventId));
      if (ended.status >= 300) break;
    }
    if (!this.#answer) throw noAnswer(upstream, ended);
    this.#finish(this.#answer, ended.status);
    return true;
  }

  #exchange(
    session: LegacySession,
    method: "POST" | "GET",
    body: Buffer | null,
    headers: readonly string[],
  ): Promise<EndedExchange> {
    const { upstream, traceparent } = this.#request;
    const exchange: MessageExchange = {
      method,
      body,
      endpoint: session.endpoint,
      headers: [
        ...sessionHeaders(session),
        ...(traceparent === "" ? [] : ["traceparent", traceparent]),
        ...headers,
      ],
      tool: toolOf(this.#request),
      signal: this.#abort.signal,
      headTimeoutMs: 0,
      silenceMs: 0,
      onHead: ({ isStream }) => {
        this.#isStream = isStream;
        this.#hasAnswerBegun = true;
      },
      onMessage: (bytes) => {
        const message = readServerMessage(bytes);
        return message ? this.#onMessage(message) : undefined;
      },
    };
    return exchangeMessages(upstream, exchange);
  }

  #bytes(): Buffer {
    const setMeta = new Map<string, string>();
    // One session carries many calls: the token must be its own.
    if (this.#progressToken !== "") setMeta.set("progressToken", this.#id);
    return changedRequest(this.#request.message, { ...WITHOUT_ENVELOPE, id: this.#id, setMeta });
  }

  #onMessage(message: ServerMessage): void | Promise<void> {
    if (this.#isOver) return;
    this.#watchSilence();
    switch (message.kind) {
      case "answer":
        if (!isAnswerTo(message, this.#id)) return;
        this.#answer ??= message;
        // A server may leave the stream open; a document's status says whether the session is lost.
        if (this.#isStream) this.#finish(message, 200);
        return;
      case "request":
        this.#onRequest(message);
        return;
      case "notification":
        return this.#onNotification(message);
    }
  }

  #onRequest(message: ServerMessage): void {
    const isTooMuch = this.#asked.size >= ASKED_MAX;
    this.#asked.add(message.idText);
    this.#watchSilence();
    if (isTooMuch) this.respond(message.idText, TOO_MUCH);
    else if (message.method === "ping") this.respond(message.idText, '"result":{}');
    else this.listener.onRequest(message);
  }

  #onNotification(message: ServerMessage): void | Promise<void> {
    if (message.method !== "notifications/progress") return this.listener.onNotification(message);
    const params = Buffer.from(message.paramsText === "" ? "{}" : message.paramsText);
    if (this.#progressToken === "") return;
    if (!isSameId(memberText(params, "progressToken"), this.#id)) return;
    const own = changedRequest(message.bytes, {
      setParams: new Map([["progressToken", this.#progressToken]]),
    });
    return this.listener.onNotification({ ...message, bytes: own });
  }

  /** Silence is the server's fault, unless it waits for the agent. */
  #watchSilence(): void {
    clearTimeout(this.#watch);
    if (this.#isOver) return;
    const { upstream } = this.#request;
    const isAsked = this.#asked.size > 0;
    this.#watch = setTimeout(
      () => {
        const failure = isAsked
          ? new Failure(
              "CLIENT_GONE",
              `The agent did not answer what the MCP server ${upstream.name} asked it.`,
            )
          : timedOut(upstream);
        const { listener } = this;
        this.cancel("timeout");
        listener.onFailure(failure);
      },
      isAsked ? ASKED_MAX_MS : upstream.timeoutMs,
    );
  }

  #finish(answer: ServerMessage, status: number): void {
    if (this.#isOver) return;
    const held = this.#held;
    this.#over(CLOSE_MS);
    held?.release();
    this.listener.onAnswer(answer, status);
  }

  #fail(failure: Failure): void {
    if (this.#isOver) return;
    const held = this.#held;
    this.#over(0);
    held?.release();
    this.listener.onFailure(failure);
  }

  #over(closeMs: number): void {
    this.#isOver = true;
    clearTimeout(this.#watch);
    this.#held = undefined;
    const abort = (): void => {
      this.#abort.abort(new Error("the call is over"));
    };
    // A connection whose answer was read to its end is used again; one that is cut is not.
    if (closeMs > 0) setTimeout(abort, closeMs).unref();
    else abort();
  }
}

function sessionsLost({ name }: Upstream): Failure {
  return new Failure(
    "UPSTREAM_HTTP_ERROR",
    `The MCP server ${name} does not know the sessions that it begins. Nothing was run.`,
  );
}

/** JSON of a request's progress token; empty when it has none. */
function progressTokenOf(message: Buffer): string {
  return textAt(message, ["params", "_meta", "progressToken"]) ?? "";
}
