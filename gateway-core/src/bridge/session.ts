import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import type { Logger } from "@gatewayops/platform/log";
import { MessageError, type McpMessage } from "../mcp/message.ts";
import type { MessageChannel, OpenChannel } from "./channel.ts";
import { HttpAnswer, sendAccepted, sendFailure } from "./http-answer.ts";
import { textAt } from "../mcp/json-members.ts";
import { ASKED_PROGRESS_TOKEN, canonical } from "./remap.ts";
import { readChannelMessage, type ChannelMessage } from "./channel-message.ts";
import { ServerStream } from "./server-stream.ts";

/** A session of the legacy era (MCP 2025-11-25 transports §Session Management). */
export type Session = {
  /** True while nothing of it runs and no stream is open. */
  readonly isIdle: boolean;
  /** Sends a message; a request is answered on `response`, everything else with 202. */
  send(sent: SentMessage, response: ServerResponse): void;
  /** Opens the session's own stream. False: it is open already. */
  openStream(response: ServerResponse): boolean;
  /** Ends the session; `onEnd` follows. */
  close(): void;
};

export type SentMessage = {
  readonly message: McpMessage;
  readonly body: Buffer;
  readonly headers: IncomingHttpHeaders;
};

export type SessionStart = {
  readonly id: string;
  readonly log: Logger;
  /** Called once, when the session is over. */
  readonly onEnd: () => void;
};

type Waiting = {
  readonly answer: HttpAnswer;
  /** JSON of its progress token. Empty for none. */
  readonly progressToken: string;
  readonly isInitialize: boolean;
};

/** Requests of one session that run at once. */
const RUNNING_MAX = 1_000;

/** A session with a channel of its own: messages pass as they are. */
export class ChannelSession implements Session {
  readonly #id: string;
  readonly #onEnd: () => void;
  readonly #channel: MessageChannel;
  readonly #waiting = new Map<string, Waiting>();
  readonly #stream: ServerStream;

  constructor(start: SessionStart, open: OpenChannel) {
    this.#id = start.id;
    this.#onEnd = start.onEnd;
    this.#stream = new ServerStream(start.id, start.log);
    this.#channel = open({
      onMessage: (message) => {
        this.#onMessage(message);
      },
      onClosed: (failure) => {
        this.#onClosed(failure);
      },
    });
  }

  get isIdle(): boolean {
    return this.#waiting.size === 0 && !this.#stream.isOpen;
  }

  send(sent: SentMessage, response: ServerResponse): void {
    const { message, body, headers } = sent;
    if (message.kind !== "request") {
      this.#channel.send(body, headers).then(
        () => {
          sendAccepted(response);
        },
        (error: unknown) => {
          sendFailure(response, failureFrom(error), "null");
        },
      );
      return;
    }
    const key = canonical(message.idText);
    const answer = new HttpAnswer(response, message.idText, this.#id);
    const refusal = this.#refusalOf(key);
    if (refusal) {
      answer.fail(refusal);
      return;
    }
    const progressToken = textAt(body, ASKED_PROGRESS_TOKEN);
    const waiting: Waiting = {
      answer,
      progressToken: progressToken === undefined ? "" : canonical(progressToken),
      isInitialize: message.method === "initialize",
    };
    this.#waiting.set(key, waiting);
    answer.onAbandoned(() => {
      this.#giveUp(key, waiting);
    });
    this.#channel.send(body, headers).catch((error: unknown) => {
      if (this.#giveUp(key, waiting)) answer.fail(failureFrom(error));
    });
  }

  openStream(response: ServerResponse): boolean {
    return this.#stream.open(response);
  }

  close(): void {
    this.#channel.close();
  }

  #refusalOf(key: string): Failure | undefined {
    if (this.#waiting.has(key))
      return new MessageError(-32600, "A request with this id is still running in this session.");
    if (this.#waiting.size >= RUNNING_MAX)
      return new Failure("OVERLOADED", `${RUNNING_MAX} requests run in this session. Wait.`);
    return undefined;
  }

  /** Takes no answer any more. False: the request was answered, or its id is another's by now. */
  #giveUp(key: string, waiting: Waiting): boolean {
    if (this.#waiting.get(key) !== waiting) return false;
    this.#waiting.delete(key);
    // Nobody was told the session's id.
    if (waiting.isInitialize) this.close();
    return true;
  }

  #onMessage(bytes: Buffer): void {
    const message = readChannelMessage(bytes);
    if (!message) return;
    if (message.kind === "answer") {
      const waiting = this.#waiting.get(message.id);
      if (!waiting) return;
      this.#waiting.delete(message.id);
      const isRefused = waiting.isInitialize && message.isError;
      waiting.answer.answer(bytes, { isSessionless: isRefused });
      if (isRefused) this.close();
      return;
    }
    const request = this.#requestOf(message);
    if (request) request.answer.event(bytes);
    else if (message.method !== "notifications/progress" || this.#stream.isOpen)
      this.#stream.push(bytes);
  }

  /**
   * The request a message belongs to. Progress names it. Log lines and requests of the server arise from a running
   * request without saying which: the session's stream is their place, and without one the oldest request, since a
   * server's request that reaches nobody would leave its call waiting.
   */
  #requestOf(message: ChannelMessage): Waiting | undefined {
    if (message.method === "notifications/progress") {
      for (const waiting of this.#waiting.values())
        if (waiting.progressToken !== "" && waiting.progressToken === message.progressToken)
          return waiting;
      return undefined;
    }
    const arises =
      message.kind === "request" ||
      message.method === "notifications/message" ||
      message.method === "notifications/cancelled";
    if (!arises || this.#stream.isOpen) return undefined;
    const [oldest] = this.#waiting.values();
    return oldest;
  }

  #onClosed(failure: Failure): void {
    for (const { answer } of this.#waiting.values()) answer.fail(failure);
    this.#waiting.clear();
    this.#stream.close();
    this.#onEnd();
  }
}
