import type { ServerResponse } from "node:http";
import type { Failure } from "@gatewayops/platform/errors";
import { rpcCodeOf } from "../mcp/rpc-error.ts";
import { messageEvent } from "../mcp/sse-event.ts";

/** Where the messages of one request go. */
export type AnswerSink = {
  /** A message that comes before the answer. */
  event(message: Buffer): void;
  answer(message: Buffer, options?: { readonly isSessionless?: boolean }): void;
  fail(failure: Failure): void;
};

/** Bytes that wait for a reader that does not read; above them it is cut off. */
const UNREAD_MAX_BYTES = 64 * 1024 * 1024;

/** A request over HTTP that waits for its answer: JSON, or an event stream once anything came before it. */
export class HttpAnswer implements AnswerSink {
  readonly #response: ServerResponse;
  readonly #idText: string;
  readonly #sessionId: string | undefined;

  /**
   * @param idText the request's id as it was written
   * @param sessionId undefined where there is no session
   */
  constructor(response: ServerResponse, idText: string, sessionId?: string) {
    this.#response = response;
    this.#idText = idText;
    this.#sessionId = sessionId;
  }

  /** Calls back when whoever asked is gone before the answer was sent whole. */
  onAbandoned(callback: () => void): void {
    if (this.#response.destroyed) callback();
    this.#response.on("close", () => {
      if (!this.#response.writableFinished) callback();
    });
  }

  event(message: Buffer): void {
    beginEvents(this.#response, this.#sessionId);
    writeEvent(this.#response, message);
  }

  /** @param options isSessionless: the answer opens no session */
  answer(message: Buffer, options: { readonly isSessionless?: boolean } = {}): void {
    const response = this.#response;
    if (response.headersSent) {
      response.end(messageEvent(message));
      return;
    }
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": String(message.length),
      ...(options.isSessionless === true ? {} : sessionHeader(this.#sessionId)),
    });
    response.end(message);
  }

  fail(failure: Failure): void {
    if (this.#response.headersSent)
      this.#response.end(messageEvent(Buffer.from(rpcError(failure, this.#idText))));
    else sendFailure(this.#response, failure, this.#idText);
  }
}

/** Answers with a failure's HTTP status and a JSON-RPC error. */
export function sendFailure(response: ServerResponse, failure: Failure, idText: string): void {
  response.writeHead(failure.spec.http, { "content-type": "application/json" });
  response.end(rpcError(failure, idText));
}

function rpcError(failure: Failure, idText: string): string {
  const error = { code: rpcCodeOf(failure), message: failure.message };
  return `{"jsonrpc":"2.0","id":${idText},"error":${JSON.stringify(error)}}`;
}

/** Accepts a message that has no answer. */
export function sendAccepted(response: ServerResponse): void {
  response.writeHead(202, { "content-length": "0" }).end();
}

/** Begins an event stream, once. */
export function beginEvents(response: ServerResponse, sessionId: string | undefined): void {
  if (response.headersSent) return;
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
    ...sessionHeader(sessionId),
  });
  response.flushHeaders();
}

/** Writes an event; cuts off a reader that lets too much wait. */
export function writeEvent(response: ServerResponse, message: Buffer): void {
  if (response.writableLength > UNREAD_MAX_BYTES) response.destroy();
  else response.write(messageEvent(message));
}

function sessionHeader(sessionId: string | undefined): Record<string, string> {
  return sessionId === undefined ? {} : { "mcp-session-id": sessionId };
}
