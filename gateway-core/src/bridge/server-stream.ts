import type { ServerResponse } from "node:http";
import type { Logger } from "@gatewayops/platform/log";
import { beginEvents, writeEvent } from "./http-answer.ts";

/** What waits while no stream is open; beyond it the oldest goes. */
const WAITING_MAX_MESSAGES = 256;
const WAITING_MAX_BYTES = 1024 * 1024;

/** A session's own stream, opened with GET: messages of the server that belong to no request. */
export class ServerStream {
  readonly #sessionId: string;
  readonly #log: Logger;
  #response: ServerResponse | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #dropped = 0;

  constructor(sessionId: string, log: Logger) {
    this.#sessionId = sessionId;
    this.#log = log;
  }

  get isOpen(): boolean {
    return this.#response !== undefined;
  }

  /** Sends what waited, and all that comes from now on. False: a stream is open already. */
  open(response: ServerResponse): boolean {
    if (this.#response) return false;
    this.#response = response;
    beginEvents(response, this.#sessionId);
    response.on("close", () => {
      this.#response = undefined;
    });
    for (const message of this.#waiting) writeEvent(response, message);
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#reportDropped();
    return true;
  }

  /** Sends a message, or keeps it until the stream is opened. */
  push(message: Buffer): void {
    if (this.#response) {
      writeEvent(this.#response, message);
      return;
    }
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    while (this.#waiting.length > WAITING_MAX_MESSAGES || this.#waitingBytes > WAITING_MAX_BYTES) {
      this.#waitingBytes -= this.#waiting.shift()?.length ?? 0;
      this.#dropped++;
    }
  }

  close(): void {
    this.#reportDropped();
    this.#response?.end();
  }

  #reportDropped(): void {
    if (this.#dropped === 0) return;
    this.#log.warn(
      { messages: this.#dropped },
      "the oldest messages of an MCP server were dropped: its session had no stream open",
    );
    this.#dropped = 0;
  }
}
