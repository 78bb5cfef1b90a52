import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Resolver } from "node:dns/promises";
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
import { ChangeListener } from "./control/changes.ts";
import { createDirectory } from "./control/directory.ts";
import { CallLog } from "./events/call-log.ts";
import { logGauges } from "./events/log-gauges.ts";
import { LogShipper } from "./events/shipper.ts";
import { createLocalRpc, type LocalRpc } from "./grpc/local-rpc.ts";
import { CallMetrics } from "./http/call-metrics.ts";
import { createConsoleFiles } from "./http/console-files.ts";
import { createForwarder, FORWARDED_SERVICES } from "./http/forward.ts";
import { createBrowserAccess, namesIn } from "./http/browser-access.ts";
import { createGatewayServer, serve, type GatewayServerOptions } from "./http/gateway-server.ts";
import { createGrpcServer } from "./http/grpc-server.ts";
import { heldGauges } from "./http/held-gauges.ts";
import { createProbes, type Probes } from "./http/probes.ts";
import { createPeerServer } from "./http/peer-server.ts";
import { createBudgetStage } from "./stages/budget.ts";
import { InternalBudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { Budgets } from "./budgets/budgets.ts";
import { createMcpContext } from "./mcp/mcp-context.ts";
import { createAuthenticateStage } from "./stages/authenticate.ts";
import type { Pipeline } from "./stages/pipeline.ts";
import { createArgumentValidator } from "./policy/argument-validator.ts";
import { createCheckArgumentsStage } from "./stages/check-arguments.ts";
import { createRateLimitStage } from "./stages/rate-limit.ts";
import { TokenBuckets } from "./stages/token-buckets.ts";
import { createAddressGuard } from "./upstream/address-guard.ts";
import { createToolCatalog } from "./upstream/catalog.ts";
import { listTools } from "./upstream/list-tools.ts";
import { createUpstreamRegistry, type BridgeAddress } from "./upstream/registry.ts";

export type WorkerAppOptions = {
  readonly config: GatewayConfig;
  /** Name of this worker's write-ahead log: 32 hexadecimal digits, chosen by the primary. */
  readonly logId: string;
  /** Id of the directory that the log is in. */
  readonly logDirectoryId: string;
  /** Name of this gateway, shared by its workers. */
  readonly replicaId: string;
  readonly bridge: BridgeAddress | undefined;
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
/** JSON Schemas of tools that a worker keeps ready. */
const SCHEMAS_MAX = 1_000;
const BREAKER_WINDOW_MS = 30_000;
const DNS_TIMEOUT_MS = 1_000;
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
    logId: Buffer.from(options.logId, "hex"),
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
    bulkhead: {
      inFlight: config.inFlightPerServer,
      queued: config.queuedPerServer,
      waitMs: config.queueWaitMs,
    },
    inFlightMax: config.inFlightPerWorker,
    messageMaxBytes: config.answerMaxBytes,
    mayConnect: createAddressGuard(config.denyPrivateUpstreams),
    discovery:
      config.discovery === "dns"
        ? { dns: dnsClient(config.discoveryDnsServers), intervalMs: config.discoveryIntervalMs }
        : undefined,
    now,
    bridge: options.bridge,
    defaultTimeoutMs: config.defaultTimeoutMs,
  });
  lifecycle.onClose("connections to MCP servers", () => upstreams.close());
  const peer = { internalSecret: config.internalSecret };
  const auth = createInternalClient(InternalAuthService, { ...peer, baseUrl: config.authUrl });
  const cost = createInternalClient(InternalCostService, { ...peer, baseUrl: config.costUrl });
  const budgetService = createInternalClient(InternalBudgetService, {
    ...peer,
    baseUrl: config.costUrl,
  });
  const budgets = new Budgets({
    redis,
    logId: options.logId,
    openLog: () =>
      budgetService.openLog({ directoryId: options.logDirectoryId, logId: options.logId }),
    log,
    now,
  });
  budgets.start();
  lifecycle.onClose("budgets", () => {
    budgets.stop();
  });
  const known = createDirectory({
    auth,
    cost,
    budgets: budgetService,
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
      if (change.kind === "budget_report") budgets.report(change);
    },
    clear: () => {
      known.clear();
    },
  });
  changes.start();
  lifecycle.onClose("change listener", () => {
    changes.stop();
  });

  const mcp = createMcpContext({
    ...options,
    directory: known,
    now,
    onToolsChanged: (upstream) => {
      pipeline.catalog.changed(upstream);
    },
  });
  metrics.registerGauges(options.registry, heldGauges(mcp, upstreams));
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
    budget: createBudgetStage(budgets, (orgId) => known.budgets(orgId)),
    checkArguments: createCheckArgumentsStage(
      createArgumentValidator({
        schemasMax: SCHEMAS_MAX,
        onUnusable: (definition, problem) => {
          log.warn(
            { definition, problem },
            "the JSON Schema of a tool cannot be used; its arguments are not checked",
          );
        },
      }),
    ),
    callLog,
    catalog: createToolCatalog({
      list: (upstream) => listTools(mcp.calls, upstream),
      register: async (upstream, tools) => {
        await auth.registerTools({
          orgId: upstream.orgIdText,
          serverId: upstream.idText,
          listed: tools.map(({ name, hash, definition }) => ({
            name,
            definition,
            definitionHash: Buffer.from(hash, "hex"),
          })),
        });
      },
      now,
      onFailure: (upstream, error) => {
        log.warn(
          { err: error, mcp_server: upstream.name },
          "the tools of a server could not be listed; their definitions are not compared, and new ones have no name in records",
        );
      },
    }),
    metrics,
    log,
    sampleRate: config.tracingEnabled ? config.sampleRate : 0,
    bodyMaxBytes: config.bodyMaxBytes,
    jsonMaxDepth: config.jsonMaxDepth,
    writeTimeoutMs: config.writeTimeoutMs,
    maxRetries: config.maxRetries,
    now,
  };

  const notReady = (): string[] => [
    ...(lifecycle.signal.aborted ? ["closing"] : []),
    ...(callLog.isFull
      ? ["the write-ahead log has reached its bound: is Redis, svc-cost or svc-trace down?"]
      : []),
  ];
  const probes = createProbes({ notReady, metrics: options.metricsText });
  const rpc = createLocalRpc({
    pipeline,
    mcp,
    isReady: () => notReady().length === 0,
    closing: lifecycle.signal,
    forwarded: FORWARDED_SERVICES,
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
    headersMaxCount: config.headersMaxCount,
    serveOther: (request, response, path) =>
      probes(request, response, path) ||
      serveRpc(rpc, request, response, path) ||
      forward(request, response, path) ||
      consoleFiles(request, response, path),
  };
  return {
    http: createGatewayServer(serving),
    grpc: createGrpcServer(rpc, {
      auth: config.authUrl,
      cost: config.costUrl,
      trace: config.traceUrl,
    }),
    peer: createPeerServer(config.internalSecret, (request, response) => {
      // A peer has proven itself; how it names us is not what hosts and origins are checked for.
      if (!serveRpc(rpc, request, response, request.url ?? "")) serve(serving, request, response);
    }),
    announce: (url) => {
      mcp.peers.announce(url);
    },
  };
}

function serveRpc(
  rpc: LocalRpc,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): boolean {
  if (!rpc.serves(path)) return false;
  rpc.handle(request, response);
  return true;
}

/** @param servers addresses, separated by commas; empty for the system's */
function dnsClient(servers: string): Resolver {
  const resolver = new Resolver({ timeout: DNS_TIMEOUT_MS, tries: 2 });
  if (servers !== "") resolver.setServers([...namesIn(servers)]);
  return resolver;
}
