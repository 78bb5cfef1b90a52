import type { AgentSession } from "../sessions/sessions.ts";
import type { Carrier } from "./carrier.ts";
import { EventStream } from "./event-stream.ts";
import type { WatchSource } from "./listen-carrier.ts";
import type { McpExchange } from "./mcp-exchange.ts";

/**
 * The stream that a legacy agent opens with GET, fed by a watch of the gateway's own. What the agent subscribes to
 * meanwhile, by whichever worker, makes it watch anew.
 */
export class SessionStream implements Carrier {
  readonly #exchange: McpExchange;
  readonly #watch: WatchSource;
  #session: AgentSession;
  #stream: EventStream | undefined;
  #abort = new AbortController();
  #stopFollowing: (() => void) | undefined;
  #isOver = false;

  constructor(exchange: McpExchange, session: AgentSession, watch: WatchSource) {
    this.#exchange = exchange;
    this.#session = session;
    this.#watch = watch;
  }

  start(): void {
    this.#stream = new EventStream(this.#exchange);
    this.#stopFollowing = this.#exchange.context.sessions.onChange((id) => {
      if (id === this.#session.id) void this.#sessionChanged();
    });
    this.#begin();
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

  #begin(): void {
    const abort = (this.#abort = new AbortController());
    this.#watch({
      filter: {
        toolsListChanged: true,
        promptsListChanged: true,
        resourcesListChanged: true,
        resourceSubscriptions: this.#session.state.subscriptions,
      },
      signal: abort.signal,
      onHonoured: () => undefined,
      onNotification: (message) => this.#stream?.send(message.bytes),
    }).catch((error: unknown) => {
      if (abort.signal.aborted || this.#isOver) return;
      this.#exchange.pipeline.log.debug({ err: error }, "a session's stream could not be fed");
      // The agent opens it again, and meets the failure there if it lasts.
      this.#over();
      this.#stream?.end();
    });
  }

  async #sessionChanged(): Promise<void> {
    const { context, principal, serverName } = this.#exchange;
    const { id, state: before } = this.#session;
    try {
      const state = await context.sessions.find(id, principal, serverName);
      if (this.#isOver) return;
      this.#session = { id, state };
      if (state.subscriptions.join("\n") === before.subscriptions.join("\n")) return;
      // The old one goes after the new one has begun, so that little is missed in between.
      const old = this.#abort;
      this.#begin();
      old.abort();
    } catch {
      // The session has ended, or cannot be looked up: the agent opens another stream, or hears that there is none.
      this.#over();
      this.#stream?.end();
    }
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#abort.abort();
    this.#stopFollowing?.();
    this.#stream?.stop();
  }
}
