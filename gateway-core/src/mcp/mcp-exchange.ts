import type { IncomingMessage, ServerResponse, IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { Face, Operation, Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import { pushCommonHeaders, pushFailureHeaders } from "../http/answer-headers.ts";
import type { Ending } from "../stages/ending.ts";
import { Exchange } from "../stages/exchange.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import { circuitOpen } from "../upstream/breaker.ts";
import { failureOfDispatch, wasNeverSent } from "../upstream/dispatch-errors.ts";
import { answerModeOf, failureOfAnswer, type AnswerMode } from "./answer-mode.ts";
import { AnswerScan } from "./answer-scan.ts";
import { pushForwardHeaders } from "./forward-headers.ts";
import { requireMatchingHeaders } from "./header-match.ts";
import { MessageError, readMessage, type McpMessage } from "./message.ts";
import { rpcErrorBody } from "./rpc-error.ts";
import type { SessionIds } from "./session-id.ts";
import { SseGate } from "./sse-gate.ts";

/** POST carries a message. Of the legacy era alone: GET opens the server's own stream, DELETE ends the session. */
export type HttpMethod = "POST" | "GET" | "DELETE";

/** Methods that may be sent again whatever happened: they only read. */
const SAFE_METHODS: ReadonlySet<string> = new Set([
  "tools/list",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "prompts/list",
  "prompts/get",
  "server/discover",
  "ping",
]);

/**
 * An MCP message relayed to a server of the same era, bytes unchanged. Answers stream: of a JSON document the last
 * chunk, of an event stream the end of the answer's event, waits until the call's completion is on disk; all before
 * it flows.
 */
export class McpExchange extends Exchange implements Dispatcher.DispatchHandler {
  protected override face: Face | undefined;
  readonly #sessionIds: SessionIds;
  readonly #httpMethod: HttpMethod;
  #mode: AnswerMode = "empty";
  #status = 0;
  #headers: string[] = [];
  #isHeadSent = false;
  /** Answer bytes that wait for the record. */
  #held: Buffer[] = [];
  #isAnswered = false;
  #isUpstreamDone = false;
  #isClientGone = false;
  #controller: Dispatcher.DispatchController | undefined;
  #writeTimer: NodeJS.Timeout | undefined;
  readonly #scan = new AnswerScan();
  #gate: SseGate | undefined;

  constructor(
    pipeline: Pipeline,
    request: IncomingMessage,
    response: ServerResponse,
    options: { serverName: string; sessionIds: SessionIds; httpMethod: HttpMethod },
  ) {
    super(pipeline, request, response, options.serverName);
    this.#sessionIds = options.sessionIds;
    this.#httpMethod = options.httpMethod;
    response.on("close", () => {
      this.#onClose();
    });
  }

  protected override parse(body: Buffer): McpMessage {
    if (this.#httpMethod !== "POST") {
      this.face = Face.MCP_LEGACY;
      return NO_MESSAGE;
    }
    const message = readMessage(body);
    this.face = message.era === "modern" ? Face.MCP_MODERN : Face.MCP_LEGACY;
    if (message.era === "modern") this.#requireMatchingHeaders(message);
    return message;
  }

  #requireMatchingHeaders(message: McpMessage): void {
    try {
      requireMatchingHeaders(message, this.request.headers);
    } catch (error) {
      if (error instanceof MessageError) error.idText = message.idText;
      throw error;
    }
  }

  protected override send(): void {
    const { upstream } = this;
    const isPost = this.#httpMethod === "POST";
    const headers = [...upstream.headers];
    if (isPost) headers.push("content-type", "application/json");
    const problem = pushForwardHeaders(this, this.#sessionIds, headers);
    if (problem) {
      this.fail(problem);
      return;
    }
    // A server's own stream may stay open for hours and says nothing about the server's health: no breaker for it.
    if (isPost && !upstream.breaker.admit()) {
      this.fail(circuitOpen(upstream.name, upstream.breaker));
      return;
    }
    this.attempts++;
    this.pipeline.metrics.active(upstream.name, 1);
    upstream.pool.dispatch(
      {
        path: upstream.path,
        method: this.#httpMethod,
        headers,
        body: isPost ? this.body : null,
        headersTimeout: upstream.timeoutMs,
        // A server's own stream may be silent for as long as it likes.
        bodyTimeout: isPost ? upstream.timeoutMs : 0,
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isClientGone && this.message.era === "modern")
      controller.abort(new Error("client gone"));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    this.#status = status;
    const type = headers["content-type"];
    this.#mode = answerModeOf(status, type, headers["content-length"]);
    if (this.#mode === "sse") this.#gate = new SseGate();
    const out = this.#headers;
    if (type !== undefined && this.#mode !== "empty") out.push("content-type", type);
    const session = headers["mcp-session-id"];
    if (typeof session === "string")
      out.push(
        "mcp-session-id",
        this.#sessionIds.seal(session, this.principal, this.upstream.idText),
      );
    for (const name of PASSED_HEADERS) {
      const value = headers[name];
      if (typeof value === "string") out.push(name, value);
    }
    if (this.#mode === "sse") {
      out.push("x-accel-buffering", "no");
      this.#sendHead();
      this.response.flushHeaders();
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.responseBytes += chunk.length;
    if (this.#isAnswered && this.#held.length === 0) {
      this.#write(chunk, controller);
      return;
    }
    switch (this.#mode) {
      case "json": {
        this.#scan.feed(chunk);
        const before = this.#held.pop();
        if (before) this.#write(before, controller);
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

  onResponseEnd(): void {
    this.#isUpstreamDone = true;
    this.#upstreamDone(this.#status >= 500 ? "failed" : "succeeded");
    const failure = this.#failureOfAnswer();
    if (failure) {
      this.fail(failure);
      return;
    }
    if (this.#mode === "sse" && this.#gate?.isAnswered) {
      if (this.#isAnswered) this.response.end();
      return;
    }
    this.end(this.#endingFrom(this.#scan));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isUpstreamDone) return;
    this.#isUpstreamDone = true;
    if (this.#gate?.isAnswered) {
      // The answer is complete; what broke off after it is of no use to anyone.
      this.#upstreamDone("succeeded");
      if (this.#isAnswered) this.response.end();
      return;
    }
    if (this.#isClientGone && this.#endsWithClient) {
      this.#upstreamDone("abandoned");
      this.fail(new Failure("CLIENT_GONE", "The agent closed the connection.", { cause: error }));
      return;
    }
    const failure = failureOfDispatch(error, this.upstream);
    const isRepeatable =
      this.#status === 0 && (wasNeverSent(error) || SAFE_METHODS.has(this.message.method));
    if (
      isRepeatable &&
      failure.reason !== "UPSTREAM_TIMEOUT" &&
      this.attempts <= this.pipeline.maxRetries
    ) {
      this.#upstreamDone("failed");
      this.#isUpstreamDone = false;
      setTimeout(
        () => {
          this.send();
        },
        25 * 2 ** this.attempts,
      );
      return;
    }
    this.#upstreamDone("failed");
    this.fail(failure);
  }

  protected override answer(ending: Ending): void {
    this.#isAnswered = true;
    const { response } = this;
    if (this.#isClientGone) return;
    if (ending.failure) {
      this.#answerFailure(ending.failure);
      return;
    }
    const held = this.#held;
    this.#held = [];
    if (!this.#isHeadSent) {
      const only = held[0];
      if (only) this.#headers.push("content-length", String(only.length));
      this.#sendHead();
      this.finish(only);
      return;
    }
    for (const chunk of held) response.write(chunk);
    if (this.#mode !== "sse" || this.#isUpstreamDone) this.finish();
  }

  /** True when the agent's going away ends the exchange with the server as well. */
  get #endsWithClient(): boolean {
    return this.message.era === "modern" || this.#httpMethod !== "POST";
  }

  #onEvents(chunk: Buffer, controller: Dispatcher.DispatchController): void {
    const gate = this.#gate;
    if (!gate || gate.isAnswered) {
      this.#held.push(chunk);
      return;
    }
    const passable = gate.feed(chunk);
    if (passable > 0) this.#write(chunk.subarray(0, passable), controller);
    if (passable === chunk.length) return;
    this.#held.push(chunk.subarray(passable));
    this.end(this.#endingFrom(gate.scan));
  }

  #failureOfAnswer(): Failure | undefined {
    const isAnswer =
      this.#mode === "sse"
        ? this.#gate?.isAnswered === true
        : this.#scan.isWhole && this.#scan.kind !== "other";
    const isRequest = this.message.kind === "request";
    const answer = { mode: this.#mode, status: this.#status, isAnswer, isRequest };
    return failureOfAnswer(answer, this.upstream.name);
  }

  #endingFrom(scan: AnswerScan): Ending {
    const outcome =
      scan.kind === "error"
        ? Outcome.RPC_ERROR
        : scan.isToolError
          ? Outcome.TOOL_ERROR
          : Outcome.OK;
    return { outcome, httpStatus: this.#status, rpcCode: scan.rpcCode, failure: undefined };
  }

  /** Ends what `send` began with one attempt. */
  #upstreamDone(verdict: "succeeded" | "failed" | "abandoned"): void {
    this.pipeline.metrics.active(this.upstream.name, -1);
    if (this.#httpMethod === "POST") this.upstream.breaker[verdict]();
  }

  #answerFailure(failure: Failure): void {
    const { response } = this;
    const message = this.message as McpMessage | undefined;
    const body = rpcErrorBody(failure, message?.idText ?? "null", this.requestId);
    if (!this.#isHeadSent) {
      const headers = [
        "content-type",
        "application/json",
        "content-length",
        String(Buffer.byteLength(body)),
      ];
      pushCommonHeaders(this, headers);
      pushFailureHeaders(failure, headers);
      this.#isHeadSent = true;
      response.writeHead(failure.spec.http, headers);
      response.end(body);
    } else if (this.#mode === "sse" && this.#gate?.isBetweenEvents) {
      response.end(`event: message\ndata: ${body}\n\n`);
    } else {
      // Half an answer is out: only a broken connection says that the rest does not come.
      response.destroy();
    }
  }

  #sendHead(): void {
    if (this.#isHeadSent) return;
    this.#isHeadSent = true;
    pushCommonHeaders(this, this.#headers);
    if (!this.#isClientGone) this.response.writeHead(this.#status, this.#headers);
  }

  /** Passes bytes on; an agent that reads slowly slows the server down, and one that stops reading is cut off. */
  #write(chunk: Buffer, controller: Dispatcher.DispatchController): void {
    if (this.#isClientGone) return;
    this.#sendHead();
    if (this.response.write(chunk) || controller.paused) return;
    controller.pause();
    this.#writeTimer = setTimeout(() => {
      this.response.destroy();
    }, this.pipeline.writeTimeoutMs);
    this.response.once("drain", () => {
      clearTimeout(this.#writeTimer);
      controller.resume();
    });
  }

  /** Legacy: a lost connection is no cancellation, the call runs on. Modern: it is (MCP 2026-07-28 §Cancellation). */
  #onClose(): void {
    clearTimeout(this.#writeTimer);
    if (this.response.writableFinished) return;
    this.#isClientGone = true;
    const controller = this.#controller;
    if (!controller || this.#isUpstreamDone) return;
    if (this.#endsWithClient) controller.abort(new Error("client gone"));
    else if (controller.paused) controller.resume();
  }
}

/** What stands for the message of a GET or DELETE. */
const NO_MESSAGE: McpMessage = {
  kind: "notification",
  idText: "null",
  method: "",
  target: "",
  operation: Operation.UNSPECIFIED,
  era: "legacy",
  version: "",
  traceparent: undefined,
};

const PASSED_HEADERS = ["cache-control", "mcp-protocol-version", "retry-after"] as const;
