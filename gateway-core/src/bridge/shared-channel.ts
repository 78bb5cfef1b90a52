import type { IncomingHttpHeaders } from "node:http";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import { SUBSCRIPTION_META } from "../mcp/envelope.ts";
import type { MessageChannel, OpenChannel } from "./channel.ts";
import type { AnswerSink } from "./http-answer.ts";
import { textAt } from "../mcp/json-members.ts";
import * as at from "./remap.ts";
import { readChannelMessage, type ChannelMessage } from "./channel-message.ts";

export type SharedChannelOptions = {
  readonly open: OpenChannel;
  /** A notification that belongs to no request. */
  readonly onUnasked: (message: Buffer) => void;
  /** What a request of the server is answered with; undefined: it is passed over. */
  readonly answerServer: (message: ChannelMessage) => string | undefined;
  /** True when log lines come for requests that ask for them only. */
  readonly isLogAskedFor: boolean;
  readonly onClosed: () => void;
};

export type SharedRequest = {
  readonly body: Buffer;
  /** JSON of the request's id, as it was written. */
  readonly idText: string;
  readonly isListen: boolean;
  readonly sink: AnswerSink;
};

type Running = {
  readonly request: SharedRequest;
  /** JSON of its progress token, as it was written; undefined when it asked for none. */
  readonly progressToken: string | undefined;
  readonly wantsLog: boolean;
};

/** Requests of one channel that run at once. */
const RUNNING_MAX = 1_000;
const NO_HEADERS: IncomingHttpHeaders = {};

/**
 * One channel that many callers share. Their ids and progress tokens may be the same, so each request gets a number of
 * the channel's own for both; what comes back has the caller's again, and all other bytes as the server wrote them.
 */
export class SharedChannel {
  readonly #options: SharedChannelOptions;
  readonly #channel: MessageChannel;
  /** By the number that stands for its id and token. */
  readonly #running = new Map<number, Running>();
  #lastNumber = 0;

  constructor(options: SharedChannelOptions) {
    this.#options = options;
    this.#channel = options.open({
      onMessage: (message) => {
        this.#onMessage(message);
      },
      onClosed: (failure) => {
        const running = [...this.#running.values()];
        this.#running.clear();
        options.onClosed();
        for (const { request } of running) request.sink.fail(failure);
      },
    });
  }

  get isIdle(): boolean {
    return this.#running.size === 0;
  }

  /**
   * Sends a request.
   *
   * @returns the number that names it here
   * @throws Failure OVERLOADED
   */
  request(request: SharedRequest): number {
    if (this.#running.size >= RUNNING_MAX)
      throw new Failure("OVERLOADED", `${RUNNING_MAX} requests of this server run already. Wait.`);
    const number = ++this.#lastNumber;
    const { body } = request;
    const asked = this.#options.isLogAskedFor ? textAt(body, at.ASKED_LOG_LEVEL) : "";
    this.#running.set(number, {
      request,
      progressToken: textAt(body, at.ASKED_PROGRESS_TOKEN),
      wantsLog: asked !== undefined,
    });
    const own = String(number);
    this.#channel
      .send(
        at.withValues(body, [
          [at.ID, own],
          [at.ASKED_PROGRESS_TOKEN, own],
        ]),
        NO_HEADERS,
      )
      .catch((error: unknown) => {
        if (this.#running.delete(number)) request.sink.fail(failureFrom(error));
      });
    return number;
  }

  /** Sends a notification; there is nobody to tell when it does not arrive. */
  notify(message: Buffer | string): void {
    this.#channel.send(Buffer.from(message), NO_HEADERS).catch(() => undefined);
  }

  /** Takes no answer to a request any more. False: it was answered. */
  forget(number: number): boolean {
    return this.#running.delete(number);
  }

  /** Tells the server that nobody waits for a request any more, and takes no answer to it. */
  cancel(number: number): void {
    if (!this.forget(number)) return;
    this.notify(
      `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${number}}}`,
    );
  }

  close(): void {
    this.#channel.close();
  }

  #onMessage(bytes: Buffer): void {
    const message = readChannelMessage(bytes);
    switch (message?.kind) {
      case "answer":
        this.#onAnswer(bytes, Number(message.id));
        return;
      case "request": {
        const answer = this.#options.answerServer(message);
        if (answer !== undefined) this.notify(answer);
        return;
      }
      case "notification":
        this.#onNotification(bytes, message);
    }
  }

  #onAnswer(bytes: Buffer, number: number): void {
    const running = this.#running.get(number);
    if (!running) return;
    this.#running.delete(number);
    const { idText, isListen, sink } = running.request;
    sink.answer(
      at.withValues(bytes, [
        [at.ID, idText],
        ...(isListen ? [[at.ENDED_SUBSCRIPTION, idText] as const] : []),
      ]),
    );
  }

  #onNotification(bytes: Buffer, message: ChannelMessage): void {
    if (message.method === "notifications/progress") {
      const running = this.#running.get(Number(message.progressToken));
      if (running?.progressToken !== undefined)
        running.request.sink.event(
          at.withValues(bytes, [[at.PROGRESS_TOKEN, running.progressToken]]),
        );
      return;
    }
    if (message.method === "notifications/cancelled") {
      this.#onListenEnds(Number(message.requestId));
      return;
    }
    if (message.method === "notifications/message") {
      this.#onLogLine(bytes);
      return;
    }
    const listening = this.#running.get(Number(message.subscription));
    if (message.subscription !== "" && listening?.request.isListen === true) {
      const { idText, sink } = listening.request;
      sink.event(at.withValues(bytes, [[at.SUBSCRIPTION, idText]]));
    } else if (message.subscription === "") {
      this.#options.onUnasked(bytes);
    }
  }

  /** MCP does not say whose a log line is. Where more than one request may have written it, it is nobody's. */
  #onLogLine(bytes: Buffer): void {
    let only: Running | undefined;
    for (const running of this.#running.values()) {
      if (!running.wantsLog) continue;
      if (only) return;
      only = running;
    }
    only?.request.sink.event(bytes);
  }

  /**
   * A server ends a subscription with a notification where all share one channel; where each has a stream of its own,
   * with the request's answer (MCP 2026-07-28 patterns/subscriptions §Cancellation, §Graceful Closure).
   */
  #onListenEnds(number: number): void {
    const running = this.#running.get(number);
    if (running?.request.isListen !== true) return;
    this.#running.delete(number);
    const { idText, sink } = running.request;
    sink.answer(
      Buffer.from(
        `{"jsonrpc":"2.0","id":${idText},"result":{"resultType":"complete","_meta":{"${SUBSCRIPTION_META}":${idText}}}}`,
      ),
    );
  }
}
