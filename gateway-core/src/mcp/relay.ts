import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import type { AgentSession } from "../sessions/sessions.ts";
import type { Ending } from "../stages/ending.ts";
import { circuitOpen } from "../upstream/breaker.ts";
import { failureOfDispatch, timedOut } from "../upstream/dispatch-errors.ts";
import { endpointOf } from "../upstream/link.ts";
import { tooLarge } from "../upstream/message-stream.ts";
import { retryDelayMs } from "../upstream/retry.ts";
import { answerModeOf, failureOfAnswer, type AnswerMode } from "./answer-mode.ts";
import { AnswerScan } from "./answer-scan.ts";
import type { Carrier } from "./carrier.ts";
import { pushForwardHeaders } from "./forward-headers.ts";
import type { McpExchange } from "./mcp-exchange.ts";
import { noteInSession, reopenRelayedSession } from "./relayed-session.ts";
import { isRepeatable } from "./safe-methods.ts";
import { SseGate } from "./sse-gate.ts";
import { toolOf, transformedCall, transformedHeaders } from "./transformed-call.ts";
import { isStreamRequest } from "./stream-request.ts";

/** Bytes of an answer that is looked at before it is passed on, because the session may be lost. */
const SUSPECT_MAX_BYTES = 64 * 1024;
/** Resumptions of one answer's stream, and how long to wait before one. */
const RESUMES_MAX = 100;
const RESUME_MS = 1_000;
/** Milliseconds that a server has to end a call that its agent cancelled; it need not answer it. */
const CANCELLED_MS = 1_000;
const RESUME_MAX_MS = 30_000;

/**
 * Takes a message to a server of the same era, bytes unchanged. Answers stream: of a JSON document the last chunk, of
 * an event stream the end of the answer's event, waits until the call's completion is on disk; all before it flows.
 */
export class Relay implements Carrier, Dispatcher.DispatchHandler {
  readonly #exchange: McpExchange;
  #session: AgentSession | undefined;
  #mode: AnswerMode = "empty";
  #status = 0;
  #headers: string[] = [];
  /** Answer bytes that wait for the record. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  #isAnswered = false;
  #isUpstreamDone = false;
  /** True while the answer is kept back to see whether the server has lost the session. */
  #isSuspect = false;
  #hasBegunAnew = false;
  #resumes = 0;
  #controller: Dispatcher.DispatchController | undefined;
  #watch: NodeJS.Timeout | undefined;
  #isCancelled = false;
  #forget: (() => void) | undefined;
  readonly #scan = new AnswerScan();
  #gate: SseGate | undefined;

  constructor(exchange: McpExchange, session: AgentSession | undefined) {
    this.#exchange = exchange;
    this.#session = session;
  }

  start(): void {
    if (!this.#isCall) {
      this.#send();
      return;
    }
    const { upstream, message } = this.#exchange;
    const { bulkhead } = upstream;
    if (message.kind === "request" ? bulkhead.take() : bulkhead.takeForNote()) this.#enter();
    else
      bulkhead.wait().then(
        () => {
          this.#enter();
        },
        (error: unknown) => {
          this.#exchange.fail(error);
        },
      );
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
    this.#exchange.fail(circuitOpen(upstream.name, upstream.breaker));
  }

  #send(): void {
    const { upstream, httpMethod, pipeline } = this.#exchange;
    this.#exchange.attempts++;
    pipeline.metrics.active(upstream.name, 1);
    this.#awaitCancellation();
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
    this.#status = status;
    const type = headers["content-type"];
    this.#mode = answerModeOf(status, type, headers["content-length"]);
    if (this.#mode !== "sse" && !this.#isCall) this.#watchDocument(controller);
    if (this.#resumes > 0) {
      // The agent reads a stream: what is none cannot go on with it.
      if (this.#mode !== "sse") this.#mode = "other";
      return;
    }
    const { kind, idText } = this.#exchange.message;
    if (this.#mode === "sse") this.#gate = new SseGate(kind === "request" ? idText : "");
    const isKnown = this.#session !== undefined && this.#session.state.upstreamSession !== "";
    this.#isSuspect = isKnown && (status === 404 || status === 400);
    const out = this.#headers;
    if (type !== undefined && this.#mode !== "empty") out.push("content-type", type);
    for (const name of PASSED_HEADERS) {
      const value = headers[name];
      if (typeof value === "string") out.push(name, value);
    }
    this.#beginStream();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#exchange.responseBytes += chunk.length;
    if (this.#isTooLarge) {
      controller.abort(tooLarge(this.#exchange.upstream));
      return;
    }
    if (this.#isSuspect) {
      this.#suspect(chunk);
      return;
    }
    if (this.#isAnswered && this.#held.length === 0) {
      this.#exchange.write(chunk, controller);
      return;
    }
    this.#take(chunk, controller);
  }

  onResponseEnd(): void {
    if (this.#isSuspect) {
      this.#isSuspect = false;
      if (this.#isSessionLost()) {
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
    this.#upstreamDone(this.#status >= 500 ? "failed" : "succeeded");
    const failure = this.#failureOfAnswer();
    if (failure) {
      this.#exchange.fail(this.#isCancelled ? this.#clientGone(failure) : failure);
      return;
    }
    if (this.#mode === "sse" && this.#gate?.isAnswered) {
      if (this.#isAnswered) this.#exchange.response.end();
      return;
    }
    this.#exchange.end(this.#endingFrom(this.#scan));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#onError(error);
  }

  #onError(error: Error): void {
    if (this.#isUpstreamDone) return;
    this.#isUpstreamDone = true;
    if (this.#gate?.isAnswered) {
      // The answer is complete; what broke off after it is of no use to anyone.
      this.#upstreamDone("succeeded");
      if (this.#isAnswered) this.#exchange.response.end();
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
      hasAnswerBegun: this.#status !== 0,
      leftMs: upstream.timeoutMs - durationMs,
    };
    const delayMs = retryDelayMs(attempt, pipeline.maxRetries, Math.random());
    if (delayMs === undefined) {
      this.#exchange.fail(failure);
      return;
    }
    this.#isUpstreamDone = false;
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
    const held = this.#held;
    this.#held = [];
    if (!exchange.isHeadSent) {
      const only = held[0];
      if (only) this.#headers.push("content-length", String(only.length));
      exchange.sendHead(this.#status, this.#headers);
      exchange.finish(only);
      return;
    }
    for (const chunk of held) exchange.response.write(chunk);
    if (this.#controller?.paused === true) this.#controller.resume();
    if (this.#mode !== "sse" || this.#isUpstreamDone) exchange.finish();
  }

  answerFailure(body: string): boolean {
    if (this.#gate?.isBetweenEvents !== true) return false;
    this.#exchange.response.end(`event: message\ndata: ${body}\n\n`);
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
    const isStream = this.#gate !== undefined && !this.#isSuspect;
    return !isStream || (this.#gate?.eventBytes ?? 0) > upstream.messageMaxBytes;
  }

  /** True when nobody waits for the answer. */
  get #isGivenUp(): boolean {
    return this.#isCancelled || (this.#exchange.isClientGone && this.#endsWithClient);
  }

  #clientGone(cause: Error): Failure {
    const did = this.#isCancelled ? "cancelled the call" : "closed the connection";
    return new Failure("CLIENT_GONE", `The agent ${did}.`, { cause });
  }

  #beginStream(): void {
    if (this.#mode !== "sse" || this.#isSuspect) return;
    this.#headers.push("x-accel-buffering", "no");
    this.#exchange.sendHead(this.#status, this.#headers);
    this.#exchange.response.flushHeaders();
  }

  #take(chunk: Buffer, controller: Dispatcher.DispatchController | undefined): void {
    switch (this.#mode) {
      case "json": {
        this.#scan.feed(chunk);
        const before = this.#held.pop();
        if (before) {
          this.#exchange.sendHead(this.#status, this.#headers);
          this.#exchange.write(before, controller);
        }
        this.#held.push(chunk);
        return;
      }
      case "sse":
        this.#onEvents(chunk, controller);
        return;
      default:
        // Not MCP: what it says is of no use to the agent, and is not kept.
        return;
    }
  }

  #onEvents(chunk: Buffer, controller: Dispatcher.DispatchController | undefined): void {
    const gate = this.#gate;
    if (!gate || gate.isAnswered) {
      this.#held.push(chunk);
      controller?.pause();
      return;
    }
    const passable = gate.feed(chunk);
    if (passable > 0) this.#exchange.write(chunk.subarray(0, passable), controller);
    if (passable === chunk.length) return;
    if (gate.scan.isAmbiguous) {
      this.#isUpstreamDone = true;
      this.#upstreamDone("failed");
      this.#exchange.fail(ambiguous(this.#exchange.upstream.name));
      this.#controller?.abort(new Error("ambiguous answer"));
      return;
    }
    this.#held.push(chunk.subarray(passable));
    this.#exchange.end(this.#endingFrom(gate.scan));
  }

  /** Keeps an answer that may say that the session is lost; one that is too long for that says something else. */
  #suspect(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes <= SUSPECT_MAX_BYTES) return;
    this.#isSuspect = false;
    this.#trust();
  }

  /** Passes on what was kept back. */
  #trust(): void {
    this.#heldBytes = 0;
    for (const chunk of this.#held.splice(0)) this.#take(chunk, this.#controller);
  }

  /** 404 says so (MCP 2025-11-25 transports); servers on the SDK's older transports answer 400 instead. */
  #isSessionLost(): boolean {
    if (this.#hasBegunAnew) return false;
    if (this.#status === 404) return true;
    const body = Buffer.concat(this.#held).toString("utf8");
    return this.#mode === "json" && /session|not initialized/i.test(body);
  }

  /** Begins a new session with the server, of which the agent sees nothing, and sends the message in it. */
  #beginAnew(): void {
    this.#hasBegunAnew = true;
    this.#held = [];
    this.#heldBytes = 0;
    this.#headers = [];
    this.#exchange.responseBytes = 0;
    const session = this.#session;
    if (!session) return;
    reopenRelayedSession(this.#exchange.context, this.#exchange.upstream, session).then(
      (state) => {
        this.#session = { id: session.id, state };
        this.#status = 0;
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
    const gate = this.#gate;
    return (
      this.#mode === "sse" &&
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
    setTimeout(
      () => {
        this.#dispatch("GET", null, this.#gate?.lastEventId ?? "");
      },
      Math.min(this.#gate?.retryMs ?? RESUME_MS, RESUME_MAX_MS),
    );
  }

  #failureOfAnswer(): Failure | undefined {
    const { kind, idText } = this.#exchange.message;
    const isRequest = kind === "request";
    const isAnswer =
      this.#mode === "sse"
        ? this.#gate?.isAnswered === true
        : this.#scan.isWhole &&
          this.#scan.kind !== "other" &&
          !this.#scan.isAmbiguous &&
          (!isRequest || this.#scan.answers(idText));
    const answer = { mode: this.#mode, status: this.#status, isAnswer, isRequest };
    return failureOfAnswer(answer, this.#exchange.upstream.name);
  }

  #endingFrom(scan: AnswerScan): Ending {
    return {
      outcome: outcomeOf(scan),
      httpStatus: this.#status,
      rpcCode: scan.rpcCode,
      failure: undefined,
      isRound: scan.isInputRequired,
    };
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
    this.#forget?.();
    this.#forget = undefined;
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

function outcomeOf(scan: AnswerScan): Outcome {
  if (scan.kind === "error") return Outcome.RPC_ERROR;
  return scan.isToolError ? Outcome.TOOL_ERROR : Outcome.OK;
}

const PASSED_HEADERS = ["cache-control", "mcp-protocol-version", "retry-after"] as const;
