import { mkdirSync } from "node:fs";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import { join } from "node:path";
import { Redis } from "ioredis";
import { AggregatorRegistry, Registry } from "prom-client";
import { createLifecycle } from "@gatewayops/platform/lifecycle";
import { createLogger } from "@gatewayops/platform/log";
import { buildWorkerApp } from "../app.ts";
import type { GatewayConfig } from "../config.ts";
import { claimLog } from "./log-owner.ts";
import { redisOptions } from "./redis-options.ts";
import { workerEnvFrom } from "./worker-env.ts";

/** Milliseconds that requests in flight have at closing. */
const DRAIN_MS = 5_000;
const METRICS_DEADLINE_MS = 5_000;

/** One worker: an event loop with its own write-ahead log. */
export async function runWorker(options: {
  config: GatewayConfig;
  workers: number;
  env: NodeJS.ProcessEnv;
}): Promise<void> {
  const { config } = options;
  const { logId, logDirectoryId, replicaId, bridge } = workerEnvFrom(options.env);
  const log = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    maskSensitive: config.maskSensitive,
    service: "gateway",
  });
  const lifecycle = createLifecycle(log);
  const registry = new Registry();
  // Answers the primary when it gathers the metrics of all workers.
  new AggregatorRegistry();
  AggregatorRegistry.setRegistries(registry);
  const redis = connect("commands");
  const subscriber = connect("subscription");
  const directory = join(config.walDir, logId);
  mkdirSync(directory, { recursive: true });
  claimLog(directory);

  const app = buildWorkerApp({
    config,
    logId,
    logDirectoryId,
    replicaId,
    bridge,
    workers: options.workers,
    redis,
    subscriber,
    log,
    registry,
    lifecycle,
    metricsText: askPrimaryForMetrics(),
  });
  const sessions = new Set<ServerHttp2Session>();
  app.grpc.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  await Promise.all([
    listen(app.http, config.httpPort, config.host),
    listen(app.grpc, config.grpcPort, config.host),
    listenAlone(app.peer, config.peerHost),
  ]);
  app.announce(`http://${hostOf(config.peerHost)}:${(app.peer.address() as AddressInfo).port}`);
  lifecycle.onClose("listeners", () => drain([app.http, app.peer], app.grpc, sessions));

  const close = (): void => {
    void lifecycle.close().then(() => process.exit(0));
  };
  process.on("message", (message: { kind?: string }) => {
    if (message.kind === "close") close();
  });
  process.on("SIGTERM", close);
  // A Ctrl-C at the terminal reaches every process of the group; the primary closes its workers in order.
  process.on("SIGINT", () => undefined);

  function connect(purpose: string): Redis {
    const client = new Redis(config.redisUrl, {
      ...redisOptions(),
      ...(purpose === "subscription"
        ? { enableOfflineQueue: true, maxRetriesPerRequest: null }
        : {}),
    });
    client.on("error", (error: Error) => {
      log.debug({ err: error, purpose }, "Redis is away");
    });
    lifecycle.onClose(`Redis (${purpose})`, () => {
      client.disconnect();
    });
    return client;
  }
}

/** Metrics live in every worker; the primary gathers them. */
function askPrimaryForMetrics(): () => Promise<{ contentType: string; text: string }> {
  const waiting = new Map<number, (text: string | undefined) => void>();
  let lastId = 0;
  process.on("message", (message: { kind?: string; id?: number; text?: string }) => {
    if (message.kind === "metrics" && message.id !== undefined)
      waiting.get(message.id)?.(message.text);
  });
  return () =>
    new Promise((resolve, reject) => {
      const id = ++lastId;
      const timer = setTimeout(() => {
        settle(undefined);
      }, METRICS_DEADLINE_MS);
      waiting.set(id, settle);
      process.send?.({ kind: "metrics", id });

      function settle(text: string | undefined): void {
        clearTimeout(timer);
        waiting.delete(id);
        if (text === undefined) reject(new Error("no metrics"));
        else resolve({ contentType: Registry.PROMETHEUS_CONTENT_TYPE, text });
      }
    });
}

function listen(server: Server | Http2Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** Listens on a port of this worker's own: of a port that workers share, nobody can say who takes a connection. */
function listenAlone(server: Server, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port: 0, host, exclusive: true }, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** An address as URLs have it (RFC 3986 §3.2.2). */
function hostOf(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

/** Takes no new connections and lets what runs finish; open streams are cut at the deadline. */
async function drain(
  http: readonly Server[],
  grpc: Http2Server,
  sessions: ReadonlySet<ServerHttp2Session>,
): Promise<void> {
  const closed = [...http, grpc].map(
    (server) =>
      new Promise<void>((resolve) =>
        server.close(() => {
          resolve();
        }),
      ),
  );
  for (const server of http) server.closeIdleConnections();
  for (const session of sessions) session.close();
  const timer = setTimeout(() => {
    for (const server of http) server.closeAllConnections();
    for (const session of sessions) session.destroy();
  }, DRAIN_MS);
  await Promise.all(closed);
  clearTimeout(timer);
}
