import type { IncomingMessage, ServerResponse } from "node:http";
import { Face } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Failure } from "@gatewayops/platform/errors";
import { restErrorBody } from "@gatewayops/platform/rpc/rest";
import { usdFromMicros } from "@gatewayops/platform/rpc/rest-json";
import type { Carrier } from "../mcp/carrier.ts";
import type { McpContext } from "../mcp/mcp-context.ts";
import { divert } from "../mcp/divert.ts";
import { HttpExchange } from "../mcp/http-exchange.ts";
import { memberText } from "../mcp/json-members.ts";
import type { McpMessage } from "../mcp/message.ts";
import { carrierOfPlain, PlainFace } from "../mcp/plain-face.ts";
import { sseEvent } from "../mcp/sse-event.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import { readFacade } from "./facade.ts";

/**
 * A call over the REST façade: a plain body in, `{result, metadata}` out, the result in the server's own bytes. With
 * `Accept: text/event-stream` progress and log messages come as events while the call runs, and the answer as the last.
 */
export class RestExchange extends HttpExchange {
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
    return carrierOfPlain(this, new RestFace(this));
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

class RestFace extends PlainFace {
  readonly #rest: RestExchange;

  constructor(exchange: RestExchange) {
    super(exchange);
    this.#rest = exchange;
  }

  override wants(notification: ServerMessage): boolean {
    return this.#rest.wantsEvents && super.wants(notification);
  }
}
