import { Failure } from "@gatewayops/platform/errors";
import type { ServerMessage } from "../upstream/server-message.ts";
import { WATCHED_LISTS, type WatchFilter } from "../upstream/server-watch.ts";
import type { Carrier } from "./carrier.ts";
import { changedRequest, SUBSCRIPTION_META } from "./envelope.ts";
import { EventStream } from "./event-stream.ts";
import type { McpExchange } from "./mcp-exchange.ts";

/** URIs of one subscription. */
const URIS_MAX = 1_000;

/** What feeds a subscription: a server, or all of them. */
export type WatchSource = (options: {
  readonly filter: WatchFilter;
  readonly signal: AbortSignal;
  readonly onHonoured: (filter: WatchFilter) => void;
  readonly onNotification: (message: ServerMessage) => void | Promise<void>;
}) => Promise<void>;

/** `subscriptions/listen` of a modern agent, fed by a watch of the gateway's own. */
export class ListenCarrier implements Carrier {
  readonly #exchange: McpExchange;
  readonly #watch: WatchSource;
  readonly #abort = new AbortController();
  #stream: EventStream | undefined;

  constructor(exchange: McpExchange, watch: WatchSource) {
    this.#exchange = exchange;
    this.#watch = watch;
  }

  start(): void {
    this.#watch({
      filter: filterOf(this.#exchange.message.params["notifications"]),
      signal: this.#abort.signal,
      onHonoured: (filter) => {
        // After an interruption the agent's stream goes on, and needs no word of it.
        if (this.#stream || this.#abort.signal.aborted) return;
        this.#stream = new EventStream(this.#exchange);
        void this.#stream.send(this.#acknowledged(filter));
      },
      onNotification: (message) => this.#stream?.send(this.#marked(message.bytes)),
    }).catch((error: unknown) => {
      if (!this.#abort.signal.aborted) this.#exchange.fail(error);
    });
  }

  answer(): void {
    return;
  }

  answerFailure(): boolean {
    return false;
  }

  clientGone(): void {
    this.#abort.abort(new Failure("CLIENT_GONE", "The agent closed the connection."));
    this.#stream?.stop();
  }

  #acknowledged(filter: WatchFilter): Buffer {
    const params = { notifications: filter };
    const method = "notifications/subscriptions/acknowledged";
    return this.#marked(Buffer.from(JSON.stringify({ jsonrpc: "2.0", method, params })));
  }

  /** Says which request a message belongs to (MCP 2026-07-28 patterns/subscriptions §Receiving Notifications). */
  #marked(message: Buffer): Buffer {
    const setMeta = new Map([[SUBSCRIPTION_META, this.#exchange.message.idText]]);
    return changedRequest(message, { setMeta });
  }
}

function filterOf(given: unknown): WatchFilter {
  const { resourceSubscriptions, ...lists } = (given ?? {}) as Record<string, unknown>;
  const filter: WatchFilter = {};
  for (const [name] of WATCHED_LISTS) if (lists[name] === true) filter[name] = true;
  if (Array.isArray(resourceSubscriptions))
    filter.resourceSubscriptions = resourceSubscriptions
      .filter((uri): uri is string => typeof uri === "string")
      .slice(0, URIS_MAX);
  return filter;
}
