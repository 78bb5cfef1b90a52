import { setTimeout as delay } from "node:timers/promises";
import { failureFrom } from "@gatewayops/platform/errors";
import { changedRequest, envelopeMeta, MODERN_VERSION } from "../mcp/envelope.ts";
import { toolOf } from "../mcp/transformed-call.ts";
import { CLOSE_MS } from "./exchange-once.ts";
import type { HeaderMirrors } from "./header-mirrors.ts";
import { headerValue, mirrorHeaders } from "./mcp-headers.ts";
import { noAnswer } from "./no-answer.ts";
import { exchangeMessages } from "./message-stream.ts";
import { retryDelayMs } from "./retry.ts";
import type { CallListener, CallRequest, ServerCall } from "./server-call.ts";
import { isAnswerTo, readServerMessage, type ServerMessage } from "./server-message.ts";
import type { Upstream } from "./upstream.ts";

export type ModernCallOptions = {
  readonly mirrors: HeaderMirrors;
  readonly maxRetries: number;
  readonly now: () => number;
};

/** HeaderMismatch (MCP 2026-07-28 basic §Error Codes): the tool's schema is not what we know. */
const HEADER_MISMATCH = -32020;

let lastId = 0;

/** A request made of a server of the modern era: one HTTP exchange, with everything the server must know in it. */
export class ModernCall implements ServerCall {
  listener: CallListener;
  /** Its answers say it themselves. */
  readonly serverInfo = "";
  readonly #request: CallRequest;
  readonly #options: ModernCallOptions;
  readonly #abort = new AbortController();
  #id = "";
  #answer: ServerMessage | undefined;
  #isStream = false;
  #isSent = false;
  #hasAnswerBegun = false;
  #isOver = false;

  constructor(request: CallRequest, listener: CallListener, options: ModernCallOptions) {
    this.#request = request;
    this.listener = listener;
    this.#options = options;
  }

  get upstream(): Upstream {
    return this.#request.upstream;
  }

  start(): void {
    this.#run().catch((error: unknown) => {
      if (this.#isOver) return;
      this.#over(0);
      this.listener.onFailure(failureFrom(error));
    });
  }

  /** A modern server asks nothing while it answers: what it wants is in its result. */
  respond(): void {
    return;
  }

  continueFor(): void {
    return;
  }

  /** Closing the stream cancels the request (MCP 2026-07-28 patterns/cancellation). */
  cancel(): void {
    this.#over(0);
  }

  async #run(): Promise<void> {
    let hasListed = false;
    const { now, maxRetries } = this.#options;
    const { isSafe, upstream } = this.#request;
    const endMs = now() + upstream.timeoutMs;
    for (let attempts = 1; ; attempts++) {
      this.#isSent = false;
      try {
        const status = await this.#attempt(Math.max(1, endMs - now()));
        const answer = this.#answer;
        if (this.#isOver || !answer) return;
        if (answer.errorCode === HEADER_MISMATCH && !hasListed && this.#isToolCall) {
          // The server refused it without running it, because its tools are not what we know: look, and try again.
          hasListed = true;
          this.#answer = undefined;
          this.#hasAnswerBegun = false;
          await this.#options.mirrors.learn(this.#request.upstream, this.#abort.signal);
          continue;
        }
        this.#over(CLOSE_MS);
        this.listener.onAnswer(answer, status);
        return;
      } catch (error) {
        if (this.#isOver) return;
        const failure = failureFrom(error);
        const delayMs = retryDelayMs(
          {
            failure,
            attempts,
            // What failed before it was sent did no harm: the listing of the tools.
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

  async #attempt(headTimeoutMs: number): Promise<number> {
    const { upstream, message } = this.#request;
    const headers = await this.#headers();
    this.listener.onAttempt();
    this.#isSent = true;
    this.#id = String(++lastId);
    const body = changedRequest(message, {
      id: this.#id,
      setMeta: envelopeMeta(this.#request),
    });
    const isStream = this.#request.method === "subscriptions/listen";
    const ended = await exchangeMessages(upstream, {
      method: "POST",
      headers,
      tool: toolOf(this.#request),
      body,
      signal: this.#abort.signal,
      headTimeoutMs,
      silenceMs: isStream ? 0 : upstream.timeoutMs,
      onHead: (head) => {
        this.#isStream = head.isStream;
        this.#hasAnswerBegun = true;
      },
      onMessage: (bytes) => {
        const read = readServerMessage(bytes);
        return read ? this.#onMessage(read) : undefined;
      },
    });
    if (!this.#answer && !this.#isOver) throw noAnswer(upstream, ended);
    return ended.status;
  }

  async #headers(): Promise<string[]> {
    const { upstream, method, target, traceparent } = this.#request;
    const headers = ["mcp-protocol-version", MODERN_VERSION, "mcp-method", method];
    if (target !== "") headers.push("mcp-name", headerValue(target));
    if (traceparent !== "") headers.push("traceparent", traceparent);
    if (!this.#isToolCall) return headers;
    const mirrors = await this.#options.mirrors.of(upstream, target, this.#abort.signal);
    if (mirrors.length === 0) return headers;
    const { params } = JSON.parse(this.#request.message.toString("utf8")) as {
      params?: { arguments?: unknown };
    };
    return [...headers, ...mirrorHeaders(mirrors, params?.arguments)];
  }

  get #isToolCall(): boolean {
    return this.#request.method === "tools/call";
  }

  #onMessage(message: ServerMessage): void | Promise<void> {
    if (this.#isOver) return;
    if (message.kind === "notification") return this.listener.onNotification(message);
    // A server must not send requests here; what it sends all the same is nobody's.
    if (message.kind !== "answer" || !isAnswerTo(message, this.#id)) return;
    this.#answer ??= message;
    if (!this.#isStream || this.#answer !== message || message.errorCode === HEADER_MISMATCH)
      return;
    this.#over(CLOSE_MS);
    this.listener.onAnswer(message, 200);
  }

  #over(closeMs: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const abort = (): void => {
      this.#abort.abort(new Error("the call is over"));
    };
    if (closeMs > 0) setTimeout(abort, closeMs).unref();
    else abort();
  }
}
