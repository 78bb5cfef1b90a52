import { failureFrom, type Failure } from "@gatewayops/platform/errors";
import type { Era } from "../mcp/message.ts";
import { changedRequest, SUBSCRIPTION_META } from "../mcp/envelope.ts";
import {
  closeLegacySession,
  hasCapability,
  openLegacySession,
  sessionHeaders,
  tell,
  type LegacySession,
} from "./legacy-session.ts";
import { exchangeMessages, type EndedExchange } from "./message-stream.ts";
import { resumeHeaders } from "./resume.ts";
import type { ServerCalls } from "./server-calls.ts";
import { readServerMessage, type ServerMessage } from "./server-message.ts";
import type { Upstream } from "./upstream.ts";
import { pause, untilAborted } from "./waiting.ts";

/** What is to be heard of (MCP 2026-07-28 patterns/subscriptions §Notification Filter). */
export type WatchFilter = {
  toolsListChanged?: boolean;
  promptsListChanged?: boolean;
  resourcesListChanged?: boolean;
  resourceSubscriptions?: readonly string[];
};

export type WatchOptions = {
  readonly calls: ServerCalls;
  readonly upstream: Upstream;
  readonly era: Era;
  readonly filter: WatchFilter;
  readonly owner: string;
  /** JSON of who the agent says it is; undefined: the gateway watches for itself. */
  readonly clientInfo: string | undefined;
  readonly signal: AbortSignal;
  /** Told what the server has agreed to, when it has. Called again after an interruption. */
  readonly onHonoured: (filter: WatchFilter) => void;
  /** A notification, without the mark of a subscription. While the promise is pending the server is not read. */
  readonly onNotification: (message: ServerMessage) => void | Promise<void>;
};

/** Milliseconds before a stream that broke off is opened again; they double up to the greatest. */
const AGAIN_MS = 500;
const AGAIN_MAX_MS = 30_000;
const MARK: ReadonlySet<string> = new Set([SUBSCRIPTION_META]);

/** The lists a server may say have changed: member of the filter, capability, notification. */
export const WATCHED_LISTS = [
  ["toolsListChanged", "tools", "notifications/tools/list_changed"],
  ["promptsListChanged", "prompts", "notifications/prompts/list_changed"],
  ["resourcesListChanged", "resources", "notifications/resources/list_changed"],
] as const;

/**
 * Listens to a server until the signal ends it, and again when its stream breaks off: `subscriptions/listen` with a
 * modern one, a session of its own with a legacy one.
 *
 * @throws Failure when the server cannot be listened to the first time
 */
export async function watchServer(options: WatchOptions): Promise<void> {
  const { signal } = options;
  const state = { hasBegun: false };
  const begun: WatchOptions = {
    ...options,
    onHonoured: (filter) => {
      state.hasBegun = true;
      options.onHonoured(filter);
    },
  };
  for (let failures = 0; !signal.aborted; failures++) {
    const before = performance.now();
    try {
      await (options.era === "modern" ? listen(begun) : watchSession(begun));
    } catch (error) {
      if (isAborted(signal)) return;
      if (!state.hasBegun) throw failureFrom(error);
    }
    // A stream that lasted is no sign of trouble.
    if (performance.now() - before > AGAIN_MAX_MS) failures = 0;
    await pause(Math.min(AGAIN_MS * 2 ** failures, AGAIN_MAX_MS), signal);
  }
}

function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function listen({ calls, upstream, filter, ...options }: WatchOptions): Promise<void> {
  const { signal } = options;
  const method = "subscriptions/listen";
  const message = { jsonrpc: "2.0", id: 0, method, params: { notifications: filter } };
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      call.cancel("nobody listens any more");
      resolve();
    };
    const call = calls.create(
      "modern",
      {
        upstream,
        method,
        message: Buffer.from(JSON.stringify(message)),
        target: "",
        isSafe: true,
        owner: options.owner,
        capabilities: "{}",
        clientInfo: options.clientInfo,
        logLevel: undefined,
        traceparent: "",
      },
      {
        onAttempt: () => undefined,
        onRequest: () => undefined,
        onNotification: (said) => {
          if (said.method !== "notifications/subscriptions/acknowledged")
            return options.onNotification({
              ...said,
              bytes: changedRequest(said.bytes, { removeMeta: MARK }),
            });
          const { notifications } = JSON.parse(said.paramsText || "{}") as {
            notifications?: WatchFilter;
          };
          options.onHonoured(notifications ?? {});
          return undefined;
        },
        // The signal outlives this stream: another one follows it.
        onAnswer: () => {
          signal.removeEventListener("abort", stop);
          resolve();
        },
        onFailure: (failure: Failure) => {
          signal.removeEventListener("abort", stop);
          reject(failure);
        },
      },
    );
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) resolve();
    else call.start();
  });
}

async function watchSession(options: WatchOptions): Promise<void> {
  const { upstream, clientInfo, signal } = options;
  const session = await openLegacySession(
    upstream,
    { capabilities: "{}", clientInfo, logLevel: undefined },
    signal,
  );
  try {
    const honoured = honouredOf(options.filter, session);
    for (const [index, uri] of (honoured.resourceSubscriptions ?? []).entries())
      await tell(session, subscribeOf(index, uri), signal);
    options.onHonoured(honoured);
    for (let lastEventId = ""; !signal.aborted;) {
      const ended = await readStream(session, lastEventId, honoured, options);
      // Without a stream there is nothing to hear, now and later.
      if (ended.status === 405) await untilAborted(signal);
      if (ended.status >= 300) return;
      lastEventId = ended.lastEventId;
      await pause(Math.min(ended.retryMs ?? AGAIN_MS, AGAIN_MAX_MS), signal);
    }
  } finally {
    await closeLegacySession(session);
  }
}

function readStream(
  session: LegacySession,
  lastEventId: string,
  honoured: WatchFilter,
  { signal, onNotification }: WatchOptions,
): Promise<EndedExchange> {
  return exchangeMessages(session.upstream, {
    method: "GET",
    headers: [
      ...sessionHeaders(session),
      ...(lastEventId === "" ? [] : resumeHeaders(lastEventId)),
    ],
    body: null,
    signal,
    headTimeoutMs: session.upstream.timeoutMs,
    silenceMs: 0,
    onMessage: (bytes) => {
      const message = readServerMessage(bytes);
      return message && isWanted(message, honoured) ? onNotification(message) : undefined;
    },
  });
}

function subscribeOf(index: number, uri: string): string {
  return `{"jsonrpc":"2.0","id":"subscribe-${index}","method":"resources/subscribe","params":{"uri":${JSON.stringify(uri)}}}`;
}

function isWanted({ method, paramsText }: ServerMessage, honoured: WatchFilter): boolean {
  if (method === "notifications/resources/updated") {
    const { uri } = JSON.parse(paramsText === "" ? "{}" : paramsText) as { uri?: unknown };
    return honoured.resourceSubscriptions?.some((one) => isWithin(one, uri)) === true;
  }
  return WATCHED_LISTS.some(
    ([name, , notification]) => notification === method && honoured[name] === true,
  );
}

/** The part of a wish that the server can fulfil. */
function honouredOf(wanted: WatchFilter, { hello }: LegacySession): WatchFilter {
  const honoured: WatchFilter = {};
  for (const [name, capability] of WATCHED_LISTS)
    if (wanted[name] === true && hasCapability(hello, capability, "listChanged"))
      honoured[name] = true;
  if (wanted.resourceSubscriptions && hasCapability(hello, "resources", "subscribe"))
    honoured.resourceSubscriptions = wanted.resourceSubscriptions;
  return honoured;
}

/** An update may name a part of what was subscribed to (MCP 2025-11-25 server/resources §Subscriptions). */
function isWithin(subscribed: string, uri: unknown): boolean {
  return typeof uri === "string" && uri.startsWith(subscribed);
}
