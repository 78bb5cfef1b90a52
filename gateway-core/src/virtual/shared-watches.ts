import type { Logger } from "@gatewayops/platform/log";
import type { ServerCalls } from "../upstream/server-calls.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import { watchServer, type WatchFilter } from "../upstream/server-watch.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { pause } from "../upstream/waiting.ts";

type Listener = (message: ServerMessage) => void | Promise<void>;
type Shared = { readonly abort: AbortController; readonly listeners: Set<Listener> };

/** Milliseconds before a server that could not be listened to is tried again. */
const AGAIN_MS = 15_000;
/** Owner of the gateway's own sessions, which no key has. */
const OWNER = "watch";
const FILTER: WatchFilter = {
  toolsListChanged: true,
  promptsListChanged: true,
  resourcesListChanged: true,
};

/**
 * One watch of a server's lists for all agents of this worker that want to hear of them: what a server says of its lists
 * it says to everybody.
 */
export class SharedWatches {
  readonly #shared = new Map<string, Shared>();
  readonly #calls: ServerCalls;
  readonly #log: Logger;
  readonly #onChange: (upstream: Upstream, notification: string) => void;

  /** @param options.onChange told that a list of a server has changed */
  constructor(options: {
    calls: ServerCalls;
    log: Logger;
    onChange: (upstream: Upstream, notification: string) => void;
  }) {
    this.#calls = options.calls;
    this.#log = options.log;
    this.#onChange = options.onChange;
  }

  /** Servers that are watched. */
  get size(): number {
    return this.#shared.size;
  }

  /** Tells a listener of a server's lists until the signal ends it. */
  listen(upstream: Upstream, listener: Listener, signal: AbortSignal): void {
    if (signal.aborted) return;
    const shared = this.#shared.get(upstream.idText) ?? this.#begin(upstream);
    shared.listeners.add(listener);
    signal.addEventListener("abort", () => {
      shared.listeners.delete(listener);
      if (shared.listeners.size > 0 || this.#shared.get(upstream.idText) !== shared) return;
      this.#shared.delete(upstream.idText);
      shared.abort.abort();
    });
  }

  close(): void {
    for (const { abort } of this.#shared.values()) abort.abort();
    this.#shared.clear();
  }

  #begin(upstream: Upstream): Shared {
    const shared: Shared = { abort: new AbortController(), listeners: new Set() };
    this.#shared.set(upstream.idText, shared);
    void this.#watch(upstream, shared);
    return shared;
  }

  async #watch(upstream: Upstream, { abort, listeners }: Shared): Promise<void> {
    const { signal } = abort;
    while (!signal.aborted) {
      try {
        await watchServer({
          calls: this.#calls,
          upstream,
          era: await this.#calls.eraOf(upstream),
          filter: FILTER,
          owner: OWNER,
          clientInfo: undefined,
          signal,
          onHonoured: () => undefined,
          onNotification: async (message) => {
            this.#onChange(upstream, message.method);
            await Promise.all([...listeners].map((listener) => this.#tell(listener, message)));
          },
        });
      } catch (error) {
        this.#log.debug({ err: error, mcp_server: upstream.name }, "a server is not listened to");
      }
      await pause(AGAIN_MS, signal);
    }
  }

  /** What fails with one agent is no trouble of the others. */
  async #tell(listener: Listener, message: ServerMessage): Promise<void> {
    try {
      await listener(message);
    } catch (error) {
      this.#log.debug({ err: error }, "an agent could not be told of a changed list");
    }
  }
}
