import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import type { AgentSession } from "../sessions/sessions.ts";
import type { Ending } from "../stages/ending.ts";
import { circuitOpen } from "../upstream/breaker.ts";
import { failureOfDispatch, timedOut } from "../upstream/dispatch-errors.ts";
import { CLOSE_MS } from "../upstream/exchange-once.ts";
import { endpointOf } from "../upstream/link.ts";
import { tooLarge } from "../upstream/message-stream.ts";
import { RESUMES_MAX, resumeDelayMs } from "../upstream/resume.ts";
import { retryDelayMs } from "../upstream/retry.ts";
import type { Carrier } from "./carrier.ts";
import { pushForwardHeaders } from "./forward-headers.ts";
import type { McpExchange } from "./mcp-exchange.ts";
import { RelayedAnswer } from "./relayed-answer.ts";
import { noteInSession, reopenRelayedSession } from "./relayed-session.ts";
import { isRepeatable } from "./safe-methods.ts";
import { toolOf, transformedCall, transformedHeaders } from "./transformed-call.ts";
import { messageEvent } from "./sse-event.ts";
import { isStreamRequest } from "./stream-request.ts";

/** Milliseconds that a server has to end a call that its agent cancelled; it need not answer it. */
const CANCELLED_MS = 1_000;

/**
 * Takes a message to a server of the same era, bytes unchanged. Answers stream: what `RelayedAnswer` holds waits until
 * the call's completion is on disk; all before it flows.
 */
export class Relay implements Carrier, Dispatcher.DispatchHandler {
  readonly #exchange: McpExchange;
  #session: AgentSession | undefined;
  readonly #answer: RelayedAnswer;
  #isAnswered = false;
  #isUpstreamDone = false;
  #hasBegunAnew = false;
  #resumes = 0;
  #controller: Dispatcher.DispatchController | undefined;
  #watch: NodeJS.Timeout | undefined;
  #isCancelled = false;
  #forget: (() => void) | undefined;

  constructor(exchange: McpExchange, session: AgentSession | undefined) {
    this.#exchange = exchange;
    this.#session = session;
    this.#answer = new RelayedAnswer(exchange.readsReportedCost);
  }

  start(): void {
    if (!this.#isCall) {
      this.#send();
      return;
    }
    // From now on: it may be cancelled while it waits.
    this.#awaitCancellation();
    const { upstream, message } = this.#exchange;
    const { bulkhead } = upstream;
    if (message.kind === "request" ? bulkhead.take() : bulkhead.takeForNote()) this.#enter();
    else
      bulkhead.wait().then(
        () => {
          this.#enter();
        },
        (error: unknown) => {
          this.#refuse(error);
        },
      );
  }

  /** Ends a call of which nothing was sent. */
  #refuse(error: unknown): void {
    this.#forgetCall();
    this.#exchange.fail(error);
  }

  #forgetCall(): void {
    this.#forget?.();
    this.#forget = undefined;
  }

  /** A server's own stream may stay open for hours and says nothing of its health: no breaker and no bulkhead for it. */
  get #isCall(): boolean {
    return this.#exchange.httpMethod === "POST" && !isStreamRequest(this.#exchange);
  }

  #enter(): void {
    const { upstream } = this.#exchange;
    if (upstream.breaker.admit()) {
      this.#send();
      return;
    }
    upstream.bulkhead.give();
    this.#refuse(circuitOpen(upstream.name, upstream.breaker));
  }

  #send(): void {
    const { upstream, httpMethod, pipeline } = this.#exchange;
    this.#exchange.attempts++;
    pipeline.metrics.active(upstream.name, 1);
    this.#dispatch(httpMethod, this.#outgoing(), "");
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isGivenUp) controller.abort(new Error("given up"));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    // "Early hints" and the like: the answer is still to come.
    if (status < 200) return;
    const answer = this.#answer;
    if (this.#resumes > 0) answer.resume(status, headers);
    else {
      const state = this.#session?.state;
      const hasSession = state !== undefined && state.upstreamSession !== "";
      answer.begin(status, headers, this.#exchange.message, hasSession);
    }
    if (answer.mode !== "sse" && !this.#isCall) this.#watchDocument(controller);
    if (!answer.isStream) return;
    this.#exchange.sendHead(status, answer.headers);
    this.#exchange.response.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#exchange.responseBytes += chunk.length;
    if (this.#isTooLarge) {
      controller.abort(tooLarge(this.#exchange.upstream));
      return;
    }
    if (this.#answer.isSuspect) {
      if (!this.#answer.suspect(chunk)) this.#trust();
      return;
    }
    if (this.#isAnswered && !this.#answer.isHeld) {
      this.#exchange.write(chunk, controller);
      return;
    }
    this.#take(chunk, controller);
  }

  onResponseEnd(): void {
    const answer = this.#answer;
    if (answer.isSuspect) {
      answer.isSuspect = false;
      if (!this.#hasBegunAnew && answer.saysSessionLost()) {
        this.#beginAnew();
        return;
      }
      this.#trust();
    }
    if (this.#canResume()) {
      this.#resume();
      return;
    }
    this.#isUpstreamDone = true;
    this.#upstreamDone(answer.status >= 500 ? "failed" : "succeeded");
    const failure = answer.failureFor(this.#exchange.message, this.#exchange.upstream.name);
    if (failure) {
      this.#exchange.fail(this.#isCancelled ? this.#clientGone(failure) : failure);
      return;
    }
    if (answer.hasAnsweredInStream) {
      if (this.#isAnswered) this.#exchange.finish();
      return;
    }
    this.#exchange.end(answer.ending());
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#onError(error);
  }

  #onError(error: Error): void {
    if (this.#isUpstreamDone) return;
    this.#isUpstreamDone = true;
    if (this.#answer.hasAnsweredInStream) {
      // The answer is complete; what broke off after it is of no use to anyone.
      this.#upstreamDone("succeeded");
      if (this.#isAnswered) this.#exchange.finish();
      return;
    }
    if (this.#isGivenUp) {
      this.#upstreamDone("abandoned");
      this.#exchange.fail(this.#clientGone(error));
      return;
    }
    this.#upstreamDone("failed");
    this.#retry(
      error instanceof Failure ? error : failureOfDispatch(error, this.#exchange.upstream),
    );
  }

  #retry(failure: Failure): void {
    const { pipeline, upstream, message, attempts, durationMs } = this.#exchange;
    const attempt = {
      failure,
      attempts,
      isSafe: isRepeatable(upstream, message),
      hasAnswerBegun: this.#answer.status !== 0,
      leftMs: upstream.timeoutMs - durationMs,
    };
    const delayMs = retryDelayMs(attempt, pipeline.maxRetries, Math.random());
    if (delayMs === undefined) {
      this.#exchange.fail(failure);
      return;
    }
    this.#isUpstreamDone = false;
    this.#awaitCancellation();
    setTimeout(() => {
      this.start();
    }, delayMs);
  }

  /** What is left of the time for the answer's head: all attempts have it together. */
  get #headTimeoutMs(): number {
    const { upstream, attempts, durationMs } = this.#exchange;
    return attempts <= 1 ? upstream.timeoutMs : Math.max(1, upstream.timeoutMs - durationMs);
  }

  answer({ outcome }: Ending): void {
    this.#isAnswered = true;
    const exchange = this.#exchange;
    if (this.#session && outcome === Outcome.OK) noteInSession(exchange, this.#session);
    const { status, headers, mode } = this.#answer;
    const held = this.#answer.release();
    if (!exchange.isHeadSent) {
      const only = held[0];
      if (only) headers.push("content-length", String(only.length));
      exchange.sendHead(status, headers);
      exchange.finish(only);
      return;
    }
    for (const chunk of held) exchange.write(chunk, undefined);
    if (mode !== "sse" || this.#isUpstreamDone) {
      exchange.finish();
      return;
    }
    // At last: what the server has sent meanwhile comes at once, its end too.
    void exchange.drained().then(() => {
      this.#controller?.resume();
    });
  }

  answerFailure(body: string): boolean {
    if (this.#answer.gate?.isBetweenEvents !== true) return false;
    this.#exchange.finish(messageEvent(Buffer.from(body)));
    return true;
  }

  /** Legacy: a lost connection is no cancellation, the call runs on. Modern: it is (MCP 2026-07-28 §Cancellation). */
  clientGone(): void {
    const controller = this.#controller;
    if (!controller || this.#isUpstreamDone) return;
    if (this.#endsWithClient) controller.abort(new Error("client gone"));
    else if (controller.paused) controller.resume();
  }

  /** The message as it goes out; null for what has none. */
  #outgoing(): Buffer | null {
    const { httpMethod, upstream, message, rpcBody } = this.#exchange;
    return httpMethod === "POST" ? transformedCall(upstream, message, rpcBody) : null;
  }

  /** The cancellation itself is relayed; this call only must not wait for an answer that does not come. */
  #awaitCancellation(): void {
    const { message, context } = this.#exchange;
    if (!this.#session || message.kind !== "request") return;
    this.#forget ??= context.running.add(this.#session.id, message.idText, () => {
      this.#isCancelled = true;
      setTimeout(() => {
        if (!this.#isUpstreamDone) this.#controller?.abort(new Error("cancelled"));
      }, CANCELLED_MS).unref();
    });
  }

  #dispatch(method: "POST" | "GET" | "DELETE", body: Buffer | null, lastEventId: string): void {
    const { upstream } = this.#exchange;
    const { link } = upstream;
    const headers = [...link.headers];
    if (body) headers.push("content-type", "application/json");
    pushForwardHeaders(this.#exchange, headers);
    const session = this.#session?.state.upstreamSession ?? "";
    if (session !== "") headers.push("mcp-session-id", session);
    if (lastEventId !== "") headers.push("last-event-id", lastEventId);
    const options: Dispatcher.DispatchOptions = {
      path: link.path,
      method,
      headers: transformedHeaders(upstream, headers, toolOf(this.#exchange.message)),
      body,
      headersTimeout: this.#headTimeoutMs,
      // A server's own stream may be silent for as long as it likes.
      bodyTimeout: this.#isCall ? upstream.timeoutMs : 0,
    };
    try {
      const endpoint = endpointOf(link, this.#session?.state.endpoint ?? "");
      if (endpoint instanceof Promise)
        endpoint.then(
          ({ pool }) => pool.dispatch(options, this),
          (error: unknown) => {
            this.#onError(error as Error);
          },
        );
      else endpoint.pool.dispatch(options, this);
    } catch (error) {
      this.#onError(error as Error);
    }
  }

  /** True when the agent's going away ends the exchange with the server as well. */
  get #endsWithClient(): boolean {
    return this.#exchange.message.era === "modern" || this.#exchange.httpMethod !== "POST";
  }

  /** What is passed on as it comes costs no memory, but somebody at its end may keep it all. */
  get #isTooLarge(): boolean {
    const { responseBytes, upstream } = this.#exchange;
    if (responseBytes <= upstream.messageMaxBytes) return false;
    const { gate, isSuspect } = this.#answer;
    return gate === undefined || isSuspect || gate.eventBytes > upstream.messageMaxBytes;
  }

  /** True when nobody waits for the answer. */
  get #isGivenUp(): boolean {
    return this.#isCancelled || (this.#exchange.isClientGone && this.#endsWithClient);
  }

  #clientGone(cause: Error): Failure {
    const did = this.#isCancelled ? "cancelled the call" : "closed the connection";
    return new Failure("CLIENT_GONE", `The agent ${did}.`, { cause });
  }

  #take(chunk: Buffer, controller: Dispatcher.DispatchController | undefined): void {
    const exchange = this.#exchange;
    const answer = this.#answer;
    const hadAnswered = answer.hasAnsweredInStream;
    // What comes after the answer waits for the record, with somebody to read it.
    if (hadAnswered && exchange.isClientGone) return;
    const passable = answer.take(chunk);
    if (passable) {
      exchange.sendHead(answer.status, answer.headers);
      exchange.write(passable, controller);
    }
    if (!answer.hasAnsweredInStream) return;
    if (hadAnswered) controller?.pause();
    else if (answer.gate?.scan.isAmbiguous) {
      this.#isUpstreamDone = true;
      this.#upstreamDone("failed");
      exchange.fail(ambiguous(exchange.upstream.name));
      this.#controller?.abort(new Error("ambiguous answer"));
    } else {
      if (exchange.message.kind === "request") this.#closeSoon();
      exchange.end(answer.ending());
    }
  }

  /** A server need not keep the stream of a call that it has answered (MCP 2025-11-25 transports §Sending Messages). */
  #closeSoon(): void {
    this.#watch = setTimeout(() => {
      this.#controller?.abort(new Error("answered"));
    }, CLOSE_MS);
  }

  /** Passes on what was kept back. */
  #trust(): void {
    for (const chunk of this.#answer.release()) this.#take(chunk, this.#controller);
  }

  /** Begins a new session with the server, of which the agent sees nothing, and sends the message in it. */
  #beginAnew(): void {
    this.#hasBegunAnew = true;
    clearTimeout(this.#watch);
    this.#answer.reset();
    this.#exchange.responseBytes = 0;
    const session = this.#session;
    if (!session) return;
    reopenRelayedSession(this.#exchange.context, this.#exchange.upstream, session).then(
      (state) => {
        this.#session = { id: session.id, state };
        this.#dispatch(this.#exchange.httpMethod, this.#outgoing(), "");
      },
      (error: unknown) => {
        this.#isUpstreamDone = true;
        this.#upstreamDone("failed");
        this.#exchange.fail(error);
      },
    );
  }

  /** True when the server closed the stream before its answer, for the client to resume it by the last event's id. */
  #canResume(): boolean {
    const { mode, gate } = this.#answer;
    return (
      mode === "sse" &&
      gate !== undefined &&
      !this.#isCancelled &&
      !gate.isAnswered &&
      gate.isBetweenEvents &&
      gate.lastEventId !== "" &&
      this.#exchange.message.kind === "request" &&
      this.#exchange.message.era === "legacy" &&
      this.#resumes < RESUMES_MAX
    );
  }

  /** Resumes in the agent's place, which keeps its stream (MCP 2025-11-25 transports §Resumability). */
  #resume(): void {
    this.#resumes++;
    setTimeout(() => {
      this.#dispatch("GET", null, this.#answer.gate?.lastEventId ?? "");
    }, resumeDelayMs(this.#answer.gate?.retryMs));
  }

  /** A stream may be silent for as long as it likes; a document in its place may not. */
  #watchDocument(controller: Dispatcher.DispatchController): void {
    const { upstream } = this.#exchange;
    this.#watch = setTimeout(() => {
      controller.abort(timedOut(upstream));
    }, upstream.timeoutMs);
  }

  /** Ends what `start` began with one attempt. */
  #upstreamDone(verdict: "succeeded" | "failed" | "abandoned"): void {
    const { pipeline, upstream } = this.#exchange;
    clearTimeout(this.#watch);
    this.#forgetCall();
    pipeline.metrics.active(upstream.name, -1);
    if (!this.#isCall) return;
    upstream.breaker[verdict]();
    upstream.bulkhead.give();
  }
}

function ambiguous(server: string): Failure {
  return new Failure(
    "UPSTREAM_NOT_MCP",
    `The MCP server ${server} gave an answer that says a member twice, or a result beside an error.`,
  );
}
