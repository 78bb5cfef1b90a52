import type { Redis } from "ioredis";
import { hexOf, randomBytesPooled } from "@gatewayops/platform/ids";
import type { Lifecycle } from "@gatewayops/platform/lifecycle";
import type { Logger } from "@gatewayops/platform/log";
import { WorkerBus, type BusMessage } from "../cluster/bus.ts";
import { Peers } from "../cluster/peers.ts";
import type { GatewayConfig } from "../config.ts";
import type { Directory } from "../control/directory.ts";
import { createSessionIds } from "../sessions/session-ids.ts";
import type { SessionState } from "../sessions/session-store.ts";
import { createRedisSessionStore } from "../sessions/session-store.redis.ts";
import { Sessions } from "../sessions/sessions.ts";
import { Holdings } from "../stages/holdings.ts";
import { endSession } from "../upstream/era.ts";
import { turnedToBridge } from "../upstream/link.ts";
import { ServerCalls } from "../upstream/server-calls.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { ListCache } from "../virtual/list-cache.ts";
import { SharedWatches } from "../virtual/shared-watches.ts";
import { AskedAgents } from "./asked-agents.ts";
import { createStateSeal, type StateSeal } from "./owned-ids.ts";
import { ParkedCalls } from "./parked-calls.ts";
import { RunningCalls } from "./running-calls.ts";

/** What the MCP face of a worker works with. */
export type McpContext = {
  /** Name of this worker, unique among all that ever ran. */
  readonly owner: string;
  /** Name of this gateway, shared by its workers. */
  readonly replicaId: string;
  readonly sessions: Sessions;
  readonly calls: ServerCalls;
  readonly parked: ParkedCalls;
  /** Streams that agents hold open. */
  readonly streams: Holdings;
  readonly asked: AskedAgents;
  readonly running: RunningCalls;
  readonly stateSeal: StateSeal;
  /** Sessions being begun anew with their server, by id. */
  readonly reopening: Map<string, Promise<SessionState>>;
  readonly tell: (message: BusMessage) => void;
  readonly peers: Peers;
  /** Pages of servers' lists, for the aggregated server. */
  readonly lists: ListCache;
  /** What servers say of themselves to all agents of the aggregated server. */
  readonly watches: SharedWatches;
};

export type McpContextOptions = {
  readonly config: GatewayConfig;
  readonly log: Logger;
  readonly lifecycle: Lifecycle;
  readonly redis: Redis;
  readonly subscriber: Redis;
  readonly replicaId: string;
  readonly directory: Directory;
  readonly now: () => number;
  /** Told that a server says its list of tools has changed. */
  readonly onToolsChanged: (upstream: Upstream) => void;
};

/** Wires what the MCP face works with. What must be closed is registered here. */
export function createMcpContext(options: McpContextOptions): McpContext {
  const { config, log, lifecycle, redis, subscriber, replicaId, directory, now } = options;
  // Every start has another name: what a worker held is lost with it.
  const owner = hexOf(randomBytesPooled(8));
  const { internalSecret } = config;
  const peers = new Peers({ redis, log, worker: owner, replicaId, internalSecret });
  const bus = new WorkerBus({ redis, subscriber, from: owner, log });
  const calls = new ServerCalls({
    now,
    log,
    maxRetries: config.maxRetries,
    sessions: new Holdings({
      noun: "sessions with MCP servers",
      bound: "sessions",
      perKey: config.sessionsPerKey,
      total: config.sessionsPerWorker,
    }),
    idleMs: config.sessionTtlMs,
  });
  const running = new RunningCalls();
  const parked = new ParkedCalls(
    new Holdings({
      noun: "calls that wait for an answer of the agent",
      bound: "parked_calls",
      perKey: config.parkedPerKey,
      total: config.parkedPerWorker,
    }),
  );
  const streams = new Holdings({
    noun: "open streams",
    bound: "streams",
    perKey: config.streamsPerKey,
    total: config.streamsPerWorker,
  });
  const sessions = new Sessions({
    ids: createSessionIds(config.sessionSecret),
    store: createRedisSessionStore(redis),
    ttlMs: config.sessionTtlMs,
    tellChanged: (id) => bus.tell({ kind: "session", id }),
    release: async (state) => {
      if (state.upstreamSession === "") return;
      try {
        const upstream = await directory.upstream(state.orgId, state.server);
        if (state.bridgeReplica !== "") await turnedToBridge(upstream.link);
        await endSession(upstream, {
          id: state.upstreamSession,
          version: state.version,
          endpoint: state.endpoint ?? "",
        });
      } catch (error) {
        // The server is gone from the registry, or svc-auth is away: it ends the session itself.
        log.debug(
          { err: error, mcp_server: state.server },
          "a server was not told of an ended session",
        );
      }
    },
    log,
    now,
  });
  bus.onMessage = (message) => {
    if (message.kind === "session") sessions.forget(message.id);
    else running.cancel(message.session, message.request);
  };
  bus.onGap = () => {
    sessions.forgetAll();
  };
  const lists = new ListCache();
  const watches = new SharedWatches({
    calls,
    log,
    onChange: (upstream, notification) => {
      lists.outdate(upstream.idText);
      if (notification === "notifications/tools/list_changed") options.onToolsChanged(upstream);
    },
  });
  sessions.start();
  lifecycle.onClose("peers", () => peers.close());
  lifecycle.onClose("MCP sessions", async () => {
    sessions.stop();
    parked.close();
    watches.close();
    await calls.close();
  });
  return {
    owner,
    replicaId,
    sessions,
    calls,
    parked,
    streams,
    asked: new AskedAgents(owner),
    running,
    stateSeal: createStateSeal(config.sessionSecret),
    reopening: new Map(),
    tell: (message) => {
      void bus.tell(message);
    },
    peers,
    lists,
    watches,
  };
}
