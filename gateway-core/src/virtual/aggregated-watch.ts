import { changedRequest } from "../mcp/envelope.ts";
import { memberString } from "../mcp/json-members.ts";
import type { WatchSource } from "../mcp/listen-carrier.ts";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import type { ServerMessage } from "../upstream/server-message.ts";
import { WATCHED_LISTS, watchServer, type WatchFilter } from "../upstream/server-watch.ts";
import { isVisible } from "../policy/visibility.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { untilAborted } from "../upstream/waiting.ts";
import { serversFor } from "./all-servers.ts";
import { listerOf } from "./lister.ts";
import { joinedUri, splitUri } from "./names.ts";

/** Feeds an agent's stream with what all its servers say: lists that changed, and resources it subscribed to. */
export function watchAll(exchange: McpExchange): WatchSource {
  return async ({ filter, signal, onHonoured, onNotification }) => {
    const { principal, pipeline, context } = exchange;
    const servers = serversFor(principal, await pipeline.directory.servers(principal.orgIdText));
    const subscriptions = subscriptionsOf(exchange, servers, filter.resourceSubscriptions ?? []);
    const wanted = new Set<string>(
      WATCHED_LISTS.flatMap(([name, , notification]) =>
        filter[name] === true ? [notification] : [],
      ),
    );
    onHonoured({
      ...filter,
      ...(filter.resourceSubscriptions
        ? { resourceSubscriptions: subscriptions.map(({ joined }) => joined) }
        : {}),
    });
    if (wanted.size > 0)
      for (const upstream of servers)
        context.watches.listen(
          upstream,
          (message) => (wanted.has(message.method) ? onNotification(message) : undefined),
          signal,
        );
    await Promise.all(
      servers.map((upstream) => {
        const uris = subscriptions.filter((one) => one.upstream === upstream).map(({ uri }) => uri);
        return uris.length === 0
          ? untilAborted(signal)
          : watchResources(exchange, upstream, { uris, signal, onNotification });
      }),
    );
    await untilAborted(signal);
  };
}

type Subscription = { readonly upstream: Upstream; readonly uri: string; readonly joined: string };

function subscriptionsOf(
  { principal }: McpExchange,
  servers: readonly Upstream[],
  uris: readonly string[],
): Subscription[] {
  return uris.flatMap((joined) => {
    const parts = splitUri(joined);
    const upstream = servers.find(({ name }) => name === parts?.server);
    const isTheirs =
      parts && upstream && isVisible(principal.access, upstream, "resources/list", parts.uri);
    if (!isTheirs) return [];
    return [{ upstream, uri: parts.uri, joined }];
  });
}

async function watchResources(
  exchange: McpExchange,
  upstream: Upstream,
  options: {
    readonly uris: readonly string[];
    readonly signal: AbortSignal;
    readonly onNotification: (message: ServerMessage) => void | Promise<void>;
  },
): Promise<void> {
  const { context, pipeline } = exchange;
  const { uris, signal, onNotification } = options;
  const { owner, clientInfo } = listerOf(exchange);
  const filter: WatchFilter = { resourceSubscriptions: uris };
  try {
    await watchServer({
      ...{ calls: context.calls, upstream, filter, owner, clientInfo, signal },
      era: await context.calls.eraOf(upstream),
      onHonoured: () => undefined,
      onNotification: (message) => onNotification(underJoinedUri(upstream, message)),
    });
  } catch (error) {
    // The others' news go on; those of this server are missed until the agent subscribes again.
    pipeline.log.warn(
      { err: error, mcp_server: upstream.name },
      "an agent's subscription to a server's resources failed",
    );
  }
}

function underJoinedUri(upstream: Upstream, message: ServerMessage): ServerMessage {
  const uri = memberString(Buffer.from(message.paramsText || "{}"), "uri");
  if (uri === undefined) return message;
  const setParams = new Map([["uri", JSON.stringify(joinedUri(upstream.name, uri))]]);
  return { ...message, bytes: changedRequest(message.bytes, { setParams }) };
}
