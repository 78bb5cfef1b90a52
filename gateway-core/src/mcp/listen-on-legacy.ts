import { setTimeout as delay } from "node:timers/promises";
import { Failure } from "@gatewayops/platform/errors";
import {
  closeLegacySession,
  hasCapability,
  openLegacySession,
  sessionHeaders,
  tell,
  type LegacySession,
} from "../upstream/legacy-session.ts";
import { exchangeMessages } from "../upstream/message-stream.ts";
import { readServerMessage, type ServerMessage } from "../upstream/server-message.ts";
import type { Carrier } from "./carrier.ts";
import { changedRequest, CLIENT_INFO_META, SUBSCRIPTION_META } from "./envelope.ts";
import { EventStream } from "./event-stream.ts";
import { objectFrom } from "./json-object.ts";
import type { McpExchange } from "./mcp-exchange.ts";

/** Milliseconds between tries to listen again, unless the server says another time. */
const AGAIN_MS = 1_000;
const AGAIN_MAX_MS = 30_000;
/** URIs of one subscription. */
const URIS_MAX = 1_000;

/** What a modern agent wants to hear of (MCP 2026-07-28 patterns/subscriptions §Notification Filter). */
type Filter = {
  toolsListChanged?: boolean;
  promptsListChanged?: boolean;
  resourcesListChanged?: boolean;
  resourceSubscriptions?: string[];
};

const LISTS = [
  ["toolsListChanged", "tools", "notifications/tools/list_changed"],
  ["promptsListChanged", "prompts", "notifications/prompts/list_changed"],
  ["resourcesListChanged", "resources", "notifications/resources/list_changed"],
] as const;

/** `subscriptions/listen` of a modern agent at a legacy server: a session of its own, whose stream is passed on. */
export class ListenOnLegacy implements Carrier {
  readonly #exchange: McpExchange;
  readonly #abort = new AbortController();
  #stream: EventStream | undefined;
  #honoured: Filter = {};

  constructor(exchange: McpExchange) {
    this.#exchange = exchange;
  }

  start(): void {
    this.#run().catch((error: unknown) => {
      if (this.#abort.signal.aborted) return;
      if (!this.#stream) {
        this.#exchange.fail(error);
        return;
      }
      // The agent sees a stream that broke off, and listens again.
      this.#stream.stop();
      this.#exchange.response.destroy();
    });
  }

  answer(): void {
    return;
  }

  answerFailure(): boolean {
    return false;
  }

  clientGone(): void {
    this.#stream?.stop();
    this.#abort.abort(new Failure("CLIENT_GONE", "The agent closed the connection."));
  }

  async #run(): Promise<void> {
    const wanted = filterOf(this.#exchange.message.params["notifications"]);
    let session: LegacySession | undefined;
    try {
      session = await this.#open();
      this.#honoured = honouredOf(wanted, session);
      await this.#subscribe(session);
      this.#stream = new EventStream(this.#exchange);
      await this.#stream.send(this.#acknowledged());
      for (let lastEventId = ""; ;) {
        const ended = await this.#listen(session, lastEventId);
        lastEventId = ended.lastEventId;
        // Without a stream there is nothing to hear; the agent's own stays open.
        if (ended.status === 405) {
          await untilAborted(this.#abort.signal);
          return;
        }
        await delay(Math.min(ended.retryMs ?? AGAIN_MS, AGAIN_MAX_MS), undefined, {
          signal: this.#abort.signal,
        });
        if (ended.status !== 404) continue;
        session = await this.#open();
        await this.#subscribe(session);
        lastEventId = "";
      }
    } finally {
      if (session) await closeLegacySession(session);
    }
  }

  #open(): Promise<LegacySession> {
    const { upstream, message } = this.#exchange;
    const meta = (message.params["_meta"] ?? {}) as Record<string, unknown>;
    const info = meta[CLIENT_INFO_META];
    return openLegacySession(
      upstream,
      {
        capabilities: "{}",
        clientInfo: info === undefined ? undefined : JSON.stringify(info),
        logLevel: undefined,
      },
      this.#abort.signal,
    );
  }

  async #subscribe(session: LegacySession): Promise<void> {
    for (const [index, uri] of (this.#honoured.resourceSubscriptions ?? []).entries())
      await tell(
        session,
        `{"jsonrpc":"2.0","id":"subscribe-${index}","method":"resources/subscribe","params":{"uri":${JSON.stringify(uri)}}}`,
        this.#abort.signal,
      );
  }

  #listen(session: LegacySession, lastEventId: string): ReturnType<typeof exchangeMessages> {
    return exchangeMessages(session.upstream, {
      method: "GET",
      headers: [
        ...sessionHeaders(session),
        ...(lastEventId === "" ? [] : ["last-event-id", lastEventId]),
      ],
      body: null,
      signal: this.#abort.signal,
      headTimeoutMs: session.upstream.timeoutMs,
      silenceMs: 0,
      onMessage: (bytes) => {
        const message = readServerMessage(bytes);
        if (!message || !this.#isWanted(message)) return;
        return this.#stream?.send(this.#marked(message.bytes));
      },
    });
  }

  #isWanted({ method, paramsText }: ServerMessage): boolean {
    if (method === "notifications/resources/updated") {
      const { uri } = objectFrom(paramsText);
      return this.#honoured.resourceSubscriptions?.some((one) => isWithin(one, uri)) === true;
    }
    return LISTS.some(([name, , notification]) => notification === method && this.#honoured[name]);
  }

  #acknowledged(): Buffer {
    const params = { notifications: this.#honoured };
    const method = "notifications/subscriptions/acknowledged";
    return this.#marked(Buffer.from(JSON.stringify({ jsonrpc: "2.0", method, params })));
  }

  /** Says which request a message belongs to (MCP 2026-07-28 patterns/subscriptions §Receiving Notifications). */
  #marked(message: Buffer): Buffer {
    const setMeta = new Map([[SUBSCRIPTION_META, this.#exchange.message.idText]]);
    return changedRequest(message, { setMeta });
  }
}

function filterOf(given: unknown): Filter {
  const { resourceSubscriptions, ...lists } = (given ?? {}) as Record<string, unknown>;
  const filter: Filter = {};
  for (const [name] of LISTS) if (lists[name] === true) filter[name] = true;
  if (Array.isArray(resourceSubscriptions))
    filter.resourceSubscriptions = resourceSubscriptions
      .filter((uri): uri is string => typeof uri === "string")
      .slice(0, URIS_MAX);
  return filter;
}

/** The part of a wish that the server can fulfil. */
function honouredOf(wanted: Filter, { hello }: LegacySession): Filter {
  const honoured: Filter = {};
  for (const [name, capability] of LISTS)
    if (wanted[name] && hasCapability(hello, capability, "listChanged")) honoured[name] = true;
  if (wanted.resourceSubscriptions && hasCapability(hello, "resources", "subscribe"))
    honoured.resourceSubscriptions = wanted.resourceSubscriptions;
  return honoured;
}

/** An update may name a part of what was subscribed to (MCP 2025-11-25 server/resources §Subscriptions). */
function isWithin(subscribed: string, uri: unknown): boolean {
  return typeof uri === "string" && (uri === subscribed || uri.startsWith(subscribed));
}

function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener(
      "abort",
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
