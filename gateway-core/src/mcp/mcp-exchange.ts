import type { IncomingMessage, ServerResponse } from "node:http";
import { Face } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Failure } from "@gatewayops/platform/errors";
import type { AgentSession } from "../sessions/sessions.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import { CarriedExchange } from "./carried-exchange.ts";
import type { Carrier } from "./carrier.ts";
import { carrierOf, type McpContext } from "./carriers.ts";
import { divert } from "./divert.ts";
import { requireMatchingHeaders } from "./header-match.ts";
import { MessageError, NO_MESSAGE, readMessage, type McpMessage } from "./message.ts";
import { rpcErrorBody } from "./rpc-error.ts";
import { messageEvent } from "./sse-event.ts";

/** POST carries a message. Of the legacy era alone: GET opens the server's own stream, DELETE ends the session. */
export type HttpMethod = "POST" | "GET" | "DELETE";

/** An MCP message on its way, of either era. */
export class McpExchange extends CarriedExchange {
  protected override face: Face | undefined;
  readonly httpMethod: HttpMethod;
  /** The agent's session, when its message belongs to one. */
  session: AgentSession | undefined;

  constructor(
    pipeline: Pipeline,
    request: IncomingMessage,
    response: ServerResponse,
    options: { serverName: string; context: McpContext; httpMethod: HttpMethod },
  ) {
    super(pipeline, request, response, options);
    this.httpMethod = options.httpMethod;
  }

  protected override parse(body: Buffer): McpMessage {
    if (this.httpMethod !== "POST") {
      this.face = Face.MCP_LEGACY;
      return NO_MESSAGE;
    }
    const message = readMessage(body);
    this.face = message.era === "modern" ? Face.MCP_MODERN : Face.MCP_LEGACY;
    if (message.era === "modern") this.#requireMatchingHeaders(message);
    return message;
  }

  protected override prepare(): boolean | Promise<boolean> {
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
    this.response.on("close", this.context.sessions.hold(session.id));
    return divert(this, session);
  }

  protected override carrier(): Carrier | Promise<Carrier> {
    return carrierOf(this);
  }

  protected override failureBody(failure: Failure): string {
    const message = this.message as McpMessage | undefined;
    return rpcErrorBody(failure, message?.idText ?? "null", this.requestId);
  }

  override eventOf(message: Buffer): Buffer {
    return messageEvent(message);
  }

  override documentOf(answer: Buffer): Buffer {
    return answer;
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
