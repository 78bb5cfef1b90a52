import type { IncomingMessage, ServerResponse } from "node:http";
import { Face } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import { restErrorBody } from "@gatewayops/platform/rpc/rest";
import { usdFromMicros } from "@gatewayops/platform/rpc/rest-json";
import type { CallCarrier, FaceAnswer } from "../mcp/call-carrier.ts";
import { CarriedExchange } from "../mcp/carried-exchange.ts";
import type { Carrier } from "../mcp/carrier.ts";
import type { McpContext } from "../mcp/carriers.ts";
import { divert } from "../mcp/divert.ts";
import { isInputRequired } from "../mcp/legacy-face.ts";
import { memberText } from "../mcp/json-members.ts";
import type { McpMessage } from "../mcp/message.ts";
import { callOfModern } from "../mcp/modern-call-carrier.ts";
import { ModernFace } from "../mcp/modern-face.ts";
import { sseEvent } from "../mcp/sse-event.ts";
import { transformedCall } from "../mcp/transformed-call.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import { readFacade } from "./facade.ts";

/**
 * A call over the REST façade: a plain body in, `{result, metadata}` out, the result in the server's own bytes. With
 * `Accept: text/event-stream` progress and log messages come as events while the call runs, and the answer as the last.
 */
export class RestExchange extends CarriedExchange {
  protected override readonly face = Face.REST;
  readonly #method: string;
  #rpc: Buffer = Buffer.alloc(0);

  constructor(
    pipeline: Pipeline,
    request: IncomingMessage,
    response: ServerResponse,
    options: { serverName: string; method: string; context: McpContext },
  ) {
    super(pipeline, request, response, options);
    this.#method = options.method;
  }

  override get rpcBody(): Buffer {
    return this.#rpc;
  }

  /** True when the caller wants to hear of the call while it runs. */
  get wantsEvents(): boolean {
    return (this.request.headers.accept ?? "").includes("text/event-stream");
  }

  protected override parse(body: Buffer): McpMessage {
    const { message, rpc } = readFacade(this.#method, body);
    this.#rpc = rpc;
    return message;
  }

  protected override prepare(): boolean | Promise<boolean> {
    return divert(this);
  }

  protected override carrier(): Carrier | Promise<Carrier> {
    this.#rpc = transformedCall(this.upstream, this.message, this.#rpc);
    const era = this.context.calls.eraOf(this.upstream);
    const face = new RestFace(this);
    return era instanceof Promise
      ? era.then((found) => callOfModern(this, found, face))
      : callOfModern(this, era, face);
  }

  protected override failureBody(failure: Failure): string {
    return JSON.stringify(restErrorBody(failure, this.requestId));
  }

  override eventOf(message: Buffer, isAnswer: boolean): Buffer {
    if (!isAnswer) return sseEvent("notification", message);
    const hasFailed = memberText(message, "jsonrpc") === "";
    return hasFailed ? sseEvent("error", message) : sseEvent("result", this.documentOf(message));
  }

  override documentOf(answer: Buffer): Buffer {
    const traceId = this.trace ? `"${this.trace.traceIdText}"` : "null";
    const metadata =
      `{"trace_id":${traceId},"request_id":"${this.requestId}",` +
      `"latency_ms":${Math.round(this.durationMs)},"cost":${usdFromMicros(this.costUsdMicros)}}`;
    const result = memberText(answer, "result") || "null";
    return Buffer.from(`{"result":${result},"metadata":${metadata}}`);
  }
}

/** The caller of the façade: like an agent of the modern era, but for how it is told of errors. */
class RestFace extends ModernFace {
  readonly #rest: RestExchange;

  constructor(exchange: RestExchange) {
    super(exchange);
    this.#rest = exchange;
  }

  override wants(notification: ServerMessage): boolean {
    return this.#rest.wantsEvents && super.wants(notification);
  }

  override onAnswer(message: ServerMessage, status: number, carrier: CallCarrier): FaceAnswer {
    if (message.errorCode === 0)
      return { status: 200, body: message.bytes, isRound: isInputRequired(message) };
    const failure = failureOf(message, carrier.request.upstream.name);
    return { status: failure.spec.http, body: message.bytes, isRound: false, failure };
  }
}

/** JSON-RPC errors in the specification's codes: bad arguments are the caller's, the rest is the server's. */
function failureOf({ bytes, errorCode }: ServerMessage, server: string): Failure {
  const { error } = JSON.parse(bytes.toString("utf8")) as { error?: { message?: unknown } | null };
  const text = typeof error?.message === "string" ? error.message : "";
  const said = `The MCP server ${server} answered: ${text.slice(0, 1_000)} (JSON-RPC code ${errorCode}).`;
  if (errorCode === -32602) return new Failure("REQUEST_INVALID", said);
  if (errorCode === -32601 || errorCode === -32002) return new Failure("NOT_FOUND", said);
  return new Failure("UPSTREAM_HTTP_ERROR", said);
}
