import type { ServerResponse } from "node:http";
import { Failure, failureFrom } from "@gatewayops/platform/errors";
import { MessageError } from "../mcp/message.ts";
import type { OpenChannel } from "./channel.ts";
import { HttpAnswer, sendAccepted } from "./http-answer.ts";
import { textAt } from "../mcp/json-members.ts";
import * as at from "./remap.ts";
import type { ChannelMessage } from "./channel-message.ts";
import { ServerStream } from "./server-stream.ts";
import type { SentMessage, Session, SessionStart } from "./session.ts";
import { SharedChannel } from "./shared-channel.ts";

const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
/** Of one session's notifications, those that are about the channel, which is not the session's. */
const NOT_FORWARDED = new Set(["notifications/initialized", "notifications/roots/list_changed"]);

/** Milliseconds a server has to start and to answer `initialize`. */
const START_MS = 60_000;
/** Requests of a session whose caller hung up, remembered in case it cancels them; beyond it the oldest goes. */
const ABANDONED_MAX = 100;

type Ready = {
  readonly channel: SharedChannel;
  /** The answer to `initialize`. */
  readonly answer: Buffer;
  readonly isRefused: boolean;
};

/**
 * A legacy server that the operator declared stateless: one channel carries all sessions of an organisation. It is
 * opened by the first `initialize`, offered no capabilities, and opened again in the same way when it was lost.
 */
export class StatelessServer {
  readonly #open: OpenChannel;
  readonly #onClosed: () => void;
  readonly #sessions = new Set<StatelessSession>();
  #initialize: Buffer | undefined;
  #ready: Promise<Ready> | undefined;
  #channel: SharedChannel | undefined;

  constructor(open: OpenChannel, onClosed: () => void) {
    this.#open = open;
    this.#onClosed = onClosed;
  }

  openSession(start: SessionStart): Session {
    const session = new StatelessSession(start, this, () => {
      this.#sessions.delete(session);
      if (this.#sessions.size === 0) this.close();
    });
    this.#sessions.add(session);
    return session;
  }

  /** Ends the channel. */
  close(): void {
    this.#channel?.close();
    this.#onClosed();
  }

  /** The answer to `initialize`: the server's to the first, remembered for all later ones. */
  async initialize(body: Buffer): Promise<Ready> {
    this.#initialize ??= at.withValues(body, [[at.CAPABILITIES, "{}"]]);
    return this.ready();
  }

  /** @throws Failure when there is no channel and none can be opened */
  ready(): Promise<Ready> {
    this.#ready ??= this.#begin();
    return this.#ready;
  }

  #begin(): Promise<Ready> {
    const body = this.#initialize;
    if (!body) return Promise.reject(new MessageError(-32600, "Send `initialize` first."));
    const channel = new SharedChannel({
      open: this.#open,
      isLogAskedFor: false,
      answerServer,
      onUnasked: (message) => {
        for (const session of this.#sessions) session.push(message);
      },
      onClosed: () => {
        if (this.#channel === channel) this.#ready = undefined;
      },
    });
    this.#channel = channel;
    return handshake(channel, body).then(
      (ready) => {
        if (ready.isRefused) {
          this.#initialize = undefined;
          channel.close();
        } else channel.notify(INITIALIZED);
        return ready;
      },
      (error: unknown) => {
        channel.close();
        if (this.#channel === channel) this.#ready = undefined;
        throw error;
      },
    );
  }
}

function handshake(channel: SharedChannel, body: Buffer): Promise<Ready> {
  return new Promise<Ready>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Failure("UPSTREAM_TIMEOUT", "The stdio server does not answer `initialize`."));
    }, START_MS);
    channel.request({
      body,
      idText: textAt(body, at.ID) ?? "0",
      isListen: false,
      sink: {
        event: () => undefined,
        answer: (answer) => {
          clearTimeout(timer);
          resolve({ channel, answer, isRefused: textAt(answer, at.ERROR) !== undefined });
        },
        fail: (failure) => {
          clearTimeout(timer);
          reject(failure);
        },
      },
    });
  });
}

/** `ping` must be answered; everything else asks for a capability that was not offered. */
function answerServer(message: ChannelMessage): string {
  return message.method === "ping"
    ? `{"jsonrpc":"2.0","id":${message.id},"result":{}}`
    : `{"jsonrpc":"2.0","id":${message.id},"error":{"code":-32601,"message":"This client offers no capabilities."}}`;
}

/** A request on its way: the channel it took, its number there, and who waits for it. */
type Sent = {
  readonly channel: SharedChannel;
  readonly number: number;
  readonly answer: HttpAnswer;
};

/** One of the sessions that share a stateless server's channel. */
class StatelessSession implements Session {
  readonly #id: string;
  readonly #server: StatelessServer;
  readonly #onEnd: () => void;
  readonly #stream: ServerStream;
  /** By the session's ids. */
  readonly #running = new Map<string, Sent>();
  readonly #abandoned = new Map<string, Sent>();
  #isEnded = false;

  constructor(start: SessionStart, server: StatelessServer, onEnd: () => void) {
    this.#id = start.id;
    this.#server = server;
    this.#onEnd = () => {
      onEnd();
      start.onEnd();
    };
    this.#stream = new ServerStream(start.id, start.log);
  }

  get isIdle(): boolean {
    return this.#running.size === 0 && !this.#stream.isOpen;
  }

  push(message: Buffer): void {
    this.#stream.push(message);
  }

  send({ message, body }: SentMessage, response: ServerResponse): void {
    if (message.kind === "request") {
      const answer = new HttpAnswer(response, message.idText, this.#id);
      const done =
        message.method === "initialize"
          ? this.#initialize(body, message.idText, answer)
          : this.#request(body, message.idText, answer);
      done.catch((error: unknown) => {
        answer.fail(failureFrom(error));
        if (message.method === "initialize") this.close();
      });
      return;
    }
    // Responses answer requests that this session was never asked.
    if (message.method === "notifications/cancelled") this.#cancel(body);
    else if (message.kind === "notification" && !NOT_FORWARDED.has(message.method))
      void this.#server.ready().then(({ channel }) => {
        channel.notify(body);
      }, unreported);
    sendAccepted(response);
  }

  openStream(response: ServerResponse): boolean {
    return this.#stream.open(response);
  }

  close(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    for (const { channel, number, answer } of this.#running.values()) {
      channel.cancel(number);
      answer.fail(new Failure("UPSTREAM_CLOSED", "The session was ended."));
    }
    this.#running.clear();
    this.#stream.close();
    this.#onEnd();
  }

  async #initialize(body: Buffer, idText: string, answer: HttpAnswer): Promise<void> {
    const ready = await this.#server.initialize(body);
    answer.answer(at.withValues(ready.answer, [[at.ID, idText]]), {
      isSessionless: ready.isRefused,
    });
    if (ready.isRefused) this.close();
  }

  async #request(body: Buffer, idText: string, answer: HttpAnswer): Promise<void> {
    const { channel } = await this.#server.ready();
    const key = at.canonical(idText);
    if (this.#running.has(key))
      throw new MessageError(-32600, "A request with this id is still running in this session.");
    const number = channel.request({
      body,
      idText,
      isListen: false,
      sink: {
        event: (message) => {
          answer.event(message);
        },
        answer: (message) => {
          this.#running.delete(key);
          answer.answer(message);
        },
        fail: (failure) => {
          this.#running.delete(key);
          answer.fail(failure);
        },
      },
    });
    const sent = { channel, number, answer };
    this.#running.set(key, sent);
    this.#abandoned.delete(key);
    answer.onAbandoned(() => {
      if (this.#running.get(key) === sent) this.#abandon(key, sent);
    });
  }

  /** Who hangs up has not cancelled (MCP 2025-11-25 transports §Sending Messages), but may do so later. */
  #abandon(key: string, sent: Sent): void {
    this.#running.delete(key);
    this.#abandoned.set(key, sent);
    const [oldest] = this.#abandoned.keys();
    if (oldest !== undefined && this.#abandoned.size > ABANDONED_MAX)
      this.#abandoned.delete(oldest);
    sent.channel.forget(sent.number);
  }

  #cancel(body: Buffer): void {
    const idText = textAt(body, at.REQUEST_ID);
    if (idText === undefined) return;
    const key = at.canonical(idText);
    const sent = this.#running.get(key) ?? this.#abandoned.get(key);
    this.#abandoned.delete(key);
    sent?.channel.notify(at.withValues(body, [[at.REQUEST_ID, String(sent.number)]]));
  }
}

/** Whoever sends the next request hears of it. */
function unreported(): void {
  return;
}
