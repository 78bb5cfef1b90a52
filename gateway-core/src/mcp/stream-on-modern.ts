import type { AgentSession } from "../sessions/sessions.ts";
import type { CallListener, ServerCall } from "../upstream/server-call.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import type { Carrier } from "./carrier.ts";
import { changedRequest, SUBSCRIPTION_META } from "./envelope.ts";
import { EventStream } from "./event-stream.ts";
import type { McpExchange } from "./mcp-exchange.ts";
import { listenRequest } from "./session-request.ts";

/** Milliseconds between tries to listen again; they double up to the greatest. */
const AGAIN_MS = 500;
const AGAIN_MAX_MS = 30_000;

const MARK: ReadonlySet<string> = new Set([SUBSCRIPTION_META]);

/**
 * The stream that a legacy agent opens with GET, fed by `subscriptions/listen` of a modern server. What the agent
 * subscribes to meanwhile, by whichever worker, makes the stream listen anew.
 */
export class StreamOnModern implements Carrier, CallListener {
  readonly #exchange: McpExchange;
  #session: AgentSession;
  #stream: EventStream | undefined;
  #call: ServerCall | undefined;
  #stopWatching: (() => void) | undefined;
  #again: NodeJS.Timeout | undefined;
  #failures = 0;
  #isOver = false;

  constructor(exchange: McpExchange, session: AgentSession) {
    this.#exchange = exchange;
    this.#session = session;
  }

  start(): void {
    this.#stream = new EventStream(this.#exchange);
    this.#stopWatching = this.#exchange.context.sessions.onChange((id) => {
      if (id === this.#session.id) void this.#sessionChanged();
    });
    this.#listen();
  }

  answer(): void {
    return;
  }

  answerFailure(): boolean {
    return false;
  }

  clientGone(): void {
    this.#over();
  }

  onAttempt(): void {
    return;
  }

  onNotification(message: ServerMessage): void | Promise<void> {
    if (this.#isOver || message.method === "notifications/subscriptions/acknowledged") return;
    this.#failures = 0;
    return this.#stream?.send(changedRequest(message.bytes, { removeMeta: MARK }));
  }

  onRequest(): void {
    return;
  }

  onAnswer(): void {
    this.#listenAgain();
  }

  onFailure(): void {
    this.#listenAgain();
  }

  #listen(): void {
    const { calls } = this.#exchange.context;
    this.#call = calls.create("modern", listenRequest(this.#exchange, this.#session), this);
    this.#call.start();
  }

  #listenAgain(): void {
    if (this.#isOver) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(
      () => {
        this.#listen();
      },
      Math.min(AGAIN_MS * 2 ** this.#failures++, AGAIN_MAX_MS),
    );
  }

  async #sessionChanged(): Promise<void> {
    const { context, principal, serverName } = this.#exchange;
    const { id, state: before } = this.#session;
    try {
      const state = await context.sessions.find(id, principal, serverName);
      if (this.#isOver) return;
      this.#session = { id, state };
      if (state.subscriptions.join("\n") === before.subscriptions.join("\n")) return;
      // The old one goes when the new one stands, so that nothing is missed in between.
      const old = this.#call;
      clearTimeout(this.#again);
      this.#listen();
      old?.cancel("it listens anew");
    } catch {
      // The session has ended, or cannot be looked up: the agent opens another stream, or hears that there is none.
      this.#over();
      this.#stream?.end();
    }
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#again);
    this.#stopWatching?.();
    this.#stream?.stop();
    this.#call?.cancel("the stream was closed");
  }
}
