import { Face } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Failure } from "@gatewayops/platform/errors";
import type { PeerName, PeerRoute } from "../cluster/peers.ts";
import { CarriedExchange } from "../mcp/carried-exchange.ts";
import type { Carrier } from "../mcp/carrier.ts";
import type { McpContext } from "../mcp/mcp-context.ts";
import { divert } from "../mcp/divert.ts";
import { readMessage, type McpMessage } from "../mcp/message.ts";
import { carrierOfPlain, PlainFace } from "../mcp/plain-face.ts";
import type { AgentRequest } from "../stages/agent-stream.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import type { AnswerMessages } from "./answer-messages.ts";

/** A call over gRPC. What the server says of it are the messages of its response, the answer the last of them. */
export class GrpcExchange extends CarriedExchange {
  protected override readonly face = Face.GRPC;
  declare readonly response: AnswerMessages;
  /** Set when the messages end without an answer: why. */
  failure: Failure | undefined;
  /** Set when the messages end without an answer: who gives it. */
  route: PeerRoute | undefined;
  readonly #rpc: () => Buffer;

  constructor(
    pipeline: Pipeline,
    request: AgentRequest,
    response: AnswerMessages,
    options: {
      serverName: string;
      context: McpContext;
      /** Makes the JSON-RPC request of the call. Throws Failure. */
      rpc: () => Buffer;
    },
  ) {
    super(pipeline, request, response, options);
    this.#rpc = options.rpc;
  }

  protected override parse(): McpMessage {
    this.body = this.#rpc();
    return readMessage(this.body);
  }

  protected override prepare(): boolean | Promise<boolean> {
    return divert(this);
  }

  override async handOver(peer: PeerName): Promise<boolean> {
    this.route = await this.context.peers.routeTo(peer, this.request.headers);
    if (!this.route) return true;
    this.finish();
    return false;
  }

  protected override carrier(): Carrier | Promise<Carrier> {
    return carrierOfPlain(this, new PlainFace(this));
  }

  protected override answerFailure(failure: Failure): void {
    this.failure = failure;
    this.sendHead(failure.spec.http, []);
    this.finish();
  }

  override eventOf(message: Buffer): Buffer {
    return message;
  }

  override documentOf(answer: Buffer): Buffer {
    return answer;
  }
}
