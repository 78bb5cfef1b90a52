import type { IncomingHttpHeaders } from "node:http";
import type {
  DescMessage,
  DescMethodStreaming,
  MessageInitShape,
  MessageShape,
} from "@bufbuild/protobuf";
import { ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-node";
import { Failure } from "@gatewayops/platform/errors";
import { connectErrorFrom, failureFromConnect, isPeerAway } from "@gatewayops/platform/rpc/errors";
import type { PeerRoute } from "../cluster/peers.ts";
import type { McpContext } from "../mcp/mcp-context.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import { AnswerMessages } from "./answer-messages.ts";
import { GrpcExchange } from "./grpc-exchange.ts";

/** The connection a call came on, in the handler context. */
export const connectionKey = createContextKey<object>({}, { description: "the connection" });

export type GatewayCallsOptions = {
  readonly pipeline: Pipeline;
  readonly mcp: McpContext;
};

/** How one method becomes MCP, and what the server says becomes the method's responses. */
export type GatewayMethod<O extends DescMessage> = {
  /** Makes the JSON-RPC request. Throws Failure. */
  readonly rpc: () => Buffer;
  readonly read: (message: Buffer) => MessageInitShape<O>;
};

/** Runs the calls of GatewayService. */
export class GatewayCalls {
  readonly #options: GatewayCallsOptions;

  constructor(options: GatewayCallsOptions) {
    this.#options = options;
  }

  /** Runs a call; what the server says comes while it runs, the answer last. */
  async *stream<O extends DescMessage>(
    request: MessageShape<DescMessage> & { readonly server: string },
    context: HandlerContext,
    method: GatewayMethod<O>,
  ): AsyncGenerator<MessageInitShape<O>> {
    const exchange = this.#begin(request.server, context, method.rpc);
    const { response } = exchange;
    for await (const message of response) {
      copyHeaders(response.headers, context.responseHeader);
      yield method.read(message as Buffer);
    }
    const { failure, route } = exchange;
    if (failure) {
      const error = connectErrorFrom(failure);
      copyHeaders(response.headers, error.metadata);
      throw error;
    }
    if (route) yield* this.#relay<O>(route, request, context);
  }

  /** Runs a call whose caller waits for the answer alone. */
  async answer<O extends DescMessage>(
    request: MessageShape<DescMessage> & { readonly server: string },
    context: HandlerContext,
    method: GatewayMethod<O>,
  ): Promise<MessageInitShape<O>> {
    let last: MessageInitShape<O> | undefined;
    for await (const said of this.stream(request, context, method)) last = said;
    if (last === undefined) throw connectErrorFrom(new Failure("INTERNAL", "There is no answer."));
    return last;
  }

  #begin(serverName: string, context: HandlerContext, rpc: () => Buffer): GrpcExchange {
    const headers: IncomingHttpHeaders = Object.fromEntries(context.requestHeader);
    const exchange = new GrpcExchange(
      this.#options.pipeline,
      { headers, socket: context.values.get(connectionKey) },
      new AnswerMessages(context.signal),
      { serverName, context: this.#options.mcp, rpc },
    );
    exchange.start(() => {
      exchange.receive(NO_BODY);
    });
    return exchange;
  }

  /** Has another worker answer, and passes its responses on as they come. */
  async *#relay<O extends DescMessage>(
    route: PeerRoute,
    request: MessageShape<DescMessage>,
    { method, signal, requestHeader, responseHeader }: HandlerContext,
  ): AsyncGenerator<MessageInitShape<O>> {
    const transport = createGrpcWebTransport({ baseUrl: route.url, httpVersion: "1.1" });
    const headers = new Headers(route.headers);
    for (const name of [this.#options.pipeline.credentialHeader, "traceparent"]) {
      const value = requestHeader.get(name);
      if (value !== null) headers.set(name, value);
    }
    try {
      // On the wire a unary method is a stream of one.
      const answer = await transport.stream(
        method as DescMethodStreaming<DescMessage, O>,
        signal,
        undefined,
        headers,
        oneOf(request),
      );
      for await (const response of answer.message) {
        copyHeaders(answer.header, responseHeader);
        yield response;
      }
    } catch (error) {
      signal.throwIfAborted();
      const failure = isPeerAway(error) ? lost(error) : failureFromConnect(error);
      const relayed = connectErrorFrom(failure);
      if (error instanceof ConnectError) copyHeaders(error.metadata, relayed.metadata);
      throw relayed;
    }
  }
}

const NO_BODY = Buffer.alloc(0);

async function* oneOf<T>(value: T): AsyncGenerator<T> {
  yield await Promise.resolve(value);
}

/** Copies what our own answers say: request id, trace id, rate limit. */
function copyHeaders(from: Headers, to: Headers): void {
  for (const [name, value] of from) if (name.startsWith("x-")) to.set(name, value);
}

function lost(cause: unknown): Failure {
  return new Failure(
    "CALL_LOST",
    "The gateway process that held this call is gone. The tool may have run; it was not run again.",
    { cause },
  );
}
