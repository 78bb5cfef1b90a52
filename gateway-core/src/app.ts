import type { Server } from "node:http";
import type { Http2Server } from "node:http2";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { collectDefaultMetrics, type Registry } from "prom-client";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { InternalCostService } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { hexOf, randomBytesPooled } from "@gatewayops/platform/ids";
import type { Lifecycle } from "@gatewayops/platform/lifecycle";
import type { Logger } from "@gatewayops/platform/log";
import { createInternalClient } from "@gatewayops/platform/rpc/client";
import type { GatewayConfig } from "./config.ts";
import { WorkerBus } from "./cluster/bus.ts";
import { Peers } from "./cluster/peers.ts";
import { ChangeListener } from "./control/changes.ts";
import { createDirectory, type Directory } from "./control/directory.ts";
import { CallLog } from "./events/call-log.ts";
import { logGauges } from "./events/log-gauges.ts";
import { LogShipper } from "./events/shipper.ts";
import { CallMetrics } from "./http/call-metrics.ts";
import { createConsoleFiles } from "./http/console-files.ts";
import { createForwarder } from "./http/forward.ts";
import { createBrowserAccess, namesIn } from "./http/browser-access.ts";
import { createGatewayServer, serve, type GatewayServerOptions } from "./http/gateway-server.ts";
import { createGrpcForwarder } from "./http/grpc-forward.ts";
import { createProbes, type Probes } from "./http/probes.ts";
import { createPeerServer } from "./http/peer-server.ts";
import { AskedAgents } from "./mcp/asked-agents.ts";
import type { McpContext } from "./mcp/carriers.ts";
import { heldGauges } from "./mcp/held-gauges.ts";
import { createStateSeal } from "./mcp/owned-ids.ts";
import { ParkedCalls } from "./mcp/parked-calls.ts";
import { RunningCalls } from "./mcp/running-calls.ts";
import { createSessionIds } from "./sessions/session-ids.ts";
import { createRedisSessionStore } from "./sessions/session-store.redis.ts";
import { Sessions } from "./sessions/sessions.ts";
import { createAuthenticateStage } from "./stages/authenticate.ts";
import type { Pipeline } from "./stages/pipeline.ts";
import { createRateLimitStage } from "./stages/rate-limit.ts";
import { TokenBuckets } from "./stages/token-buckets.ts";
import { createToolCatalog } from "./upstream/catalog.ts";
import { endSession } from "./upstream/era.ts";
import { listToolNames } from "./upstream/list-tools.ts";
import { ServerCalls } from "./upstream/server-calls.ts";
import { createUpstreamRegistry, type StdioHostAddress } from "./upstream/registry.ts";

export type WorkerAppOptions = {
  readonly config: GatewayConfig;
  /** Name of this worker's write-ahead log: 32 hexadecimal digits, chosen by the primary. */
  readonly logId: string;
  /** Name of this gateway, shared by its workers. */
  readonly replicaId: string;
  readonly stdioHost: StdioHostAddress | undefined;
  readonly workers: number;
  readonly redis: Redis;
  readonly subscriber: Redis;
  readonly log: Logger;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  /** Metrics of all workers together. */
  readonly metricsText: Probes["metrics"];
};

export type WorkerApp = {
  readonly http: Server;
  readonly grpc: Http2Server;
  /** What other workers hand over; on a port of its own. */
  readonly peer: Server;
  /** Tells the other workers where `peer` is reached. */
  readonly announce: (url: string) => void;
};

/** Bytes of one segment of the write-ahead log. */
const SEGMENT_BYTES = 8 * 1024 * 1024;
/** Connections from one worker to one MCP server. */
const UPSTREAM_CONNECTIONS = 256;
const BREAKER_WINDOW_MS = 30_000;
const BREAKER_PROBES = 3;
/** Milliseconds a closing worker has to ship what it logged; the rest is shipped by who adopts its log. */
const SHIP_DEADLINE_MS = 3_000;

/** Wires one worker. Nothing listens yet. */
export function buildWorkerApp(options: WorkerAppOptions): WorkerApp {
  const { config, log, lifecycle, redis } = options;
  const now = Date.now;
  const metrics = new CallMetrics();
  metrics.register(options.registry);
  collectDefaultMetrics({ register: options.registry });

  const directory = join(config.walDir, options.logId);
  const callLog = new CallLog({
    directory,
    segmentBytes: SEGMENT_BYTES,
    maxBytes: config.walMaxBytes,
    fsync: config.walFsync,
    onFrame: () => {
      shipper.notify();
    },
  });
  const shipper = new LogShipper(
    {
      logId: options.logId,
      segments: callLog.segments,
      recent: callLog.recent,
      live: true,
      forget: (segments) => {
        callLog.forget(segments);
      },
    },
    {
      redis,
      log,
      shards: config.eventShards,
      streamMaxLength: config.streamMaxLength,
      newGeneration: () => hexOf(randomBytesPooled(8)),
    },
  );
  shipper.start();
  metrics.registerGauges(options.registry, logGauges(callLog, shipper));
  lifecycle.onClose("write-ahead log", async () => {
    callLog.close();
    await shipper.stop({
      deadlineMs: SHIP_DEADLINE_MS,
      lastSequence: callLog.lastCompletedSequence,
    });
  });

  const upstreams = createUpstreamRegistry({
    breaker: {
      threshold: config.breakerThreshold,
      windowMs: BREAKER_WINDOW_MS,
      openMs: config.breakerTimeoutMs,
      probes: BREAKER_PROBES,
      now,
    },
    connections: UPSTREAM_CONNECTIONS,
    stdioHost: options.stdioHost,
    defaultTimeoutMs: config.defaultTimeoutMs,
  });
  lifecycle.onClose("connections to MCP servers", () => upstreams.close());
  const peer = { internalSecret: config.internalSecret };
  const auth = createInternalClient(InternalAuthService, { ...peer, baseUrl: config.authUrl });
  const cost = createInternalClient(InternalCostService, { ...peer, baseUrl: config.costUrl });
  const known = createDirectory({
    auth,
    cost,
    upstreams,
    defaultLimit: { rps: config.defaultRps, burst: config.defaultBurst },
    now,
    onCache: (cache, hit) => {
      metrics.cache(cache, hit);
    },
  });
  const changes = new ChangeListener({
    subscriber: options.subscriber,
    redis,
    log,
    apply: (change) => {
      known.apply(change);
    },
    clear: () => {
      known.clear();
    },
  });
  changes.start();
  lifecycle.onClose("change listener", () => {
    changes.stop();
  });

  const mcp = buildMcpContext(options, known, now);
  metrics.registerGauges(options.registry, heldGauges(mcp));
  const pipeline: Pipeline = {
    authenticate: createAuthenticateStage(known, {
      header: config.apiKeyHeader,
      prefix: config.apiKeyPrefix,
    }),
    credentialHeader: config.apiKeyHeader.toLowerCase(),
    directory: known,
    rateLimit: createRateLimitStage(
      new TokenBuckets({ redis, sharers: options.workers * config.replicas, now }),
      config.rateLimitEnabled,
    ),
    callLog,
    catalog: createToolCatalog({
      list: (upstream) => listToolNames(mcp.calls, upstream),
      register: async (upstream, tools) => {
        await auth.registerTools({
          orgId: upstream.orgIdText,
          serverId: upstream.idText,
          tools: [...tools],
        });
      },
      now,
      onFailure: (upstream, error) => {
        log.warn(
          { err: error, mcp_server: upstream.name },
          "the tools of a server could not be listed; records show tool ids instead of names",
        );
      },
    }),
    metrics,
    log,
    sampleRate: config.tracingEnabled ? config.sampleRate : 0,
    bodyMaxBytes: config.bodyMaxBytes,
    writeTimeoutMs: config.writeTimeoutMs,
    maxRetries: config.maxRetries,
    now,
  };

  const probes = createProbes({
    notReady: () => [
      ...(lifecycle.signal.aborted ? ["closing"] : []),
      ...(callLog.isFull
        ? ["the write-ahead log has reached its bound: is Redis, svc-cost or svc-trace down?"]
        : []),
    ],
    metrics: options.metricsText,
  });
  const forward = createForwarder({
    auth: config.authHttpUrl,
    cost: config.costHttpUrl,
    trace: config.traceHttpUrl,
  });
  const consoleFiles = createConsoleFiles(config.consoleDir);
  const serving: GatewayServerOptions = {
    pipeline,
    mcp,
    browserAccess: createBrowserAccess({
      allowedOrigins: namesIn(config.allowedOrigins),
      allowedHosts: namesIn(config.allowedHosts),
      bindHost: config.host,
      credentialHeader: pipeline.credentialHeader,
    }),
    readTimeoutMs: config.readTimeoutMs,
    idleTimeoutMs: config.idleTimeoutMs,
    serveOther: (request, response, path) =>
      probes(request, response, path) ||
      forward(request, response, path) ||
      consoleFiles(request, response, path),
  };
  return {
    http: createGatewayServer(serving),
    grpc: createGrpcForwarder({
      auth: config.authUrl,
      cost: config.costUrl,
      trace: config.traceUrl,
    }),
    peer: createPeerServer(config.internalSecret, (request, response) => {
      serve(serving, request, response);
    }),
    announce: (url) => {
      mcp.peers.announce(url);
    },
  };
}

/** Wires what the MCP face works with. */
function buildMcpContext(
  options: WorkerAppOptions,
  directory: Directory,
  now: () => number,
): McpContext {
  const { config, log, lifecycle, redis, subscriber, replicaId } = options;
  // Every start has another name: what a worker held is lost with it.
  const owner = hexOf(randomBytesPooled(8));
  const { internalSecret } = config;
  const peers = new Peers({ redis, log, worker: owner, replicaId, internalSecret });
  const bus = new WorkerBus({ redis, subscriber, from: owner, log });
  const calls = new ServerCalls({ now, log, maxRetries: config.maxRetries });
  const running = new RunningCalls();
  const parked = new ParkedCalls();
  const sessions = new Sessions({
    ids: createSessionIds(config.sessionSecret),
    store: createRedisSessionStore(redis),
    ttlMs: config.sessionTtlMs,
    tellChanged: (id) => {
      bus.tell({ kind: "session", id });
    },
    release: async (state) => {
      if (state.upstreamSession === "") return;
      try {
        const upstream = await directory.upstream(state.orgId, state.server);
        await endSession(upstream, state.upstreamSession, state.version);
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
  sessions.start();
  lifecycle.onClose("peers", () => peers.close());
  lifecycle.onClose("MCP sessions", async () => {
    sessions.stop();
    parked.close();
    await calls.close();
  });
  return {
    owner,
    replicaId,
    sessions,
    calls,
    parked,
    asked: new AskedAgents(owner),
    running,
    stateSeal: createStateSeal(config.sessionSecret),
    reopening: new Map(),
    tell: (message) => {
      bus.tell(message);
    },
    peers,
  };
}
