import type { IncomingMessage, ServerResponse } from "node:http";
import { Face } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Failure } from "@gatewayops/platform/errors";
import type { AgentSession } from "../sessions/sessions.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import { aggregatedCarrier } from "../virtual/aggregated-carrier.ts";
import { routeToServer } from "../virtual/route.ts";
import type { Carrier } from "./carrier.ts";
import { carrierOf } from "./carriers.ts";
import type { McpContext } from "./mcp-context.ts";
import { divert } from "./divert.ts";
import { requireMatchingHeaders } from "./header-match.ts";
import { HttpExchange } from "./http-exchange.ts";
import { MessageError, NO_MESSAGE, readMessage, type McpMessage } from "./message.ts";
import { rpcErrorBody, toolRefusalBody } from "./rpc-error.ts";
import { isStreamRequest } from "./stream-request.ts";
import { messageEvent } from "./sse-event.ts";

/** POST carries a message. Of the legacy era alone: GET opens the server's own stream, DELETE ends the session. */
export type HttpMethod = "POST" | "GET" | "DELETE";

/** An MCP message on its way, of either era. */
export class McpExchange extends HttpExchange {
  protected override face: Face | undefined;
  readonly httpMethod: HttpMethod;
  /** True when the agent speaks to all its servers as one. */
  readonly isAggregated: boolean;
  /** The agent's session, when its message belongs to one. */
  session: AgentSession | undefined;
  /** The message as its server must see it, where that is not as the agent wrote it. */
  #rpc: Buffer | undefined;

  constructor(
    pipeline: Pipeline,
    request: IncomingMessage,
    response: ServerResponse,
    options: { serverName: string; context: McpContext; httpMethod: HttpMethod },
  ) {
    super(pipeline, request, response, options);
    this.httpMethod = options.httpMethod;
    this.isAggregated = options.serverName === "";
  }

  protected override parse(body: Buffer): McpMessage {
    if (this.httpMethod !== "POST") {
      this.face = Face.MCP_LEGACY;
      return NO_MESSAGE;
    }
    const message = readMessage(body);
    this.face = message.era === "modern" ? Face.MCP_MODERN : Face.MCP_LEGACY;
    this.#requireMatchingHeaders(message);
    return message;
  }

  protected override get hasServer(): boolean {
    return this.serverName !== "";
  }

  protected override prepare(): boolean | Promise<boolean> {
    const isOurs = this.#findSession();
    if (!this.isAggregated) return isOurs;
    return Promise.resolve(isOurs).then(async (ours) => {
      if (!ours || this.message.kind !== "request") return ours;
      // Before servers are asked whose it is.
      await this.limitEarly();
      await routeToServer(this);
      return true;
    });
  }

  /** Sends the message to one of the servers, as that one must see it. */
  routeTo(server: string, message: McpMessage, body: Buffer): void {
    this.serverName = server;
    this.message = message;
    this.#rpc = body;
  }

  #findSession(): boolean | Promise<boolean> {
    const id = this.request.headers["mcp-session-id"];
    // Of the modern era it is to be ignored (MCP 2026-07-28 streamable-http §Backward Compatibility).
    if (typeof id !== "string" || this.message.era === "modern") return divert(this);
    const state = this.context.sessions.find(id, this.principal, this.serverName);
    if (state instanceof Promise) return state.then((found) => this.#join({ id, state: found }));
    return this.#join({ id, state });
  }

  /** Belongs to a session, which does not end before this does. */
  #join(session: AgentSession): boolean | Promise<boolean> {
    this.session = session;
    this.onceClosed(this.context.sessions.hold(session.id));
    return divert(this, session);
  }

  override get rpcBody(): Buffer {
    return this.#rpc ?? this.body;
  }

  protected override carrier(): Carrier | Promise<Carrier> {
    if (isStreamRequest(this)) this.#holdStream();
    return this.isAggregated ? aggregatedCarrier(this) : carrierOf(this);
  }

  protected override failureStatus(failure: Failure): number {
    return this.#isToldAsResult(failure) ? 200 : super.failureStatus(failure);
  }

  /** A model reads a tool's result; an error its client may repeat for ever. */
  #isToldAsResult({ reason }: Failure): boolean {
    const message = this.message as McpMessage | undefined;
    return (
      message?.method === "tools/call" &&
      (reason === "BUDGET_EXCEEDED" || reason === "BUDGET_UNAVAILABLE")
    );
  }

  protected override failureBody(failure: Failure): string {
    const message = this.message as McpMessage | undefined;
    if (message && this.#isToldAsResult(failure))
      return toolRefusalBody(failure, message, this.requestId);
    return rpcErrorBody(failure, message?.idText ?? "null", this.requestId);
  }

  override eventOf(message: Buffer): Buffer {
    return messageEvent(message);
  }

  override documentOf(answer: Buffer): Buffer {
    return answer;
  }

  #holdStream(): void {
    const { keyIdText } = this.principal;
    const { streams } = this.context;
    streams.take(keyIdText);
    this.onceClosed(() => {
      streams.give(keyIdText);
    });
  }

  #requireMatchingHeaders(message: McpMessage): void {
    try {
      requireMatchingHeaders(message, this.request.headers);
    } catch (error) {
      if (error instanceof MessageError) error.idText = message.idText;
      throw error;
    }
  }
}
