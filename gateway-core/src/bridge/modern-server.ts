import type { ServerResponse } from "node:http";
import type { OpenChannel } from "./channel.ts";
import { HttpAnswer, sendAccepted } from "./http-answer.ts";
import type { SentMessage } from "./session.ts";
import { SharedChannel } from "./shared-channel.ts";

/**
 * A modern server: one channel carries all requests of an organisation. It is opened by the first request, and again
 * by the next one after it was lost: nothing is kept between requests.
 */
export class ModernServer {
  readonly #open: OpenChannel;
  #channel: SharedChannel | undefined;
  usedAt: number;

  constructor(open: OpenChannel, now: number) {
    this.#open = open;
    this.usedAt = now;
  }

  get isIdle(): boolean {
    return this.#channel?.isIdle ?? true;
  }

  send({ message, body }: SentMessage, response: ServerResponse): void {
    if (message.kind !== "request") {
      // Callers cancel by hanging up; an id in a notification might be another caller's.
      if (message.method !== "notifications/cancelled") this.#running().notify(body);
      sendAccepted(response);
      return;
    }
    const channel = this.#running();
    const answer = new HttpAnswer(response, message.idText);
    const number = channel.request({
      body,
      idText: message.idText,
      isListen: message.method === "subscriptions/listen",
      sink: answer,
    });
    answer.onAbandoned(() => {
      channel.cancel(number);
    });
  }

  close(): void {
    this.#channel?.close();
  }

  #running(): SharedChannel {
    if (this.#channel) return this.#channel;
    const channel = new SharedChannel({
      open: this.#open,
      isLogAskedFor: true,
      // Modern servers send no requests, and clients no answers (MCP 2026-07-28 transports/stdio).
      answerServer: () => undefined,
      onUnasked: () => undefined,
      onClosed: () => {
        if (this.#channel === channel) this.#channel = undefined;
      },
    });
    this.#channel = channel;
    return channel;
  }
}
