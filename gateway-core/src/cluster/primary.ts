import cluster, { type Worker } from "node:cluster";
import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { AggregatorRegistry } from "prom-client";
import { describeConfig } from "@gatewayops/platform/config";
import { closeOnSignals, createLifecycle } from "@gatewayops/platform/lifecycle";
import { createInternalClient } from "@gatewayops/platform/rpc/client";
import { InternalBudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { createLogger } from "@gatewayops/platform/log";
import { GATEWAY_SCHEMA, type GatewayConfig } from "../config.ts";
import type { StdioServer } from "../bridge/stdio-process.ts";
import { redisOptions } from "./redis-options.ts";
import { LogReports } from "./log-reports.ts";
import { OrphanLogs } from "./orphan-logs.ts";
import { startBridge } from "./bridge-supervisor.ts";
import { toWorkerEnv } from "./worker-env.ts";

export type PrimaryOptions = {
  readonly config: GatewayConfig;
  readonly stdioServers: readonly StdioServer[];
  readonly workers: number;
  readonly env: NodeJS.ProcessEnv;
};

/** Milliseconds workers have to finish what they do. */
const DRAIN_MS = 12_000;
/** Milliseconds before a worker that died at once is started again, so that a broken one does not spin. */
const CRASH_LOOP_MS = 1_000;
const ORPHANS_DEADLINE_MS = 3_000;
/**
 * How V8 runs in a worker; docs/performance.md says what was measured.
 *
 * - Its middle compiler, Maglev, is left out: functions of the hot path kept falling back from it, and a worker could
 *   stay in that state, at much more CPU for each call.
 * - Hardly anything survives a collection of the young generation, so it is not worth waking other threads for, and a
 *   larger one is collected less often. Sizes are in MB.
 */
const ENGINE_FLAGS = [
  "--no-maglev",
  "--no-parallel-scavenge",
  "--min-semi-space-size=32",
  "--max-semi-space-size=64",
];

/** The gateway's primary: starts workers and the bridge, replaces what dies, looks after the logs of the dead. */
export async function runPrimary(options: PrimaryOptions): Promise<void> {
  const { config } = options;
  const logOptions = {
    level: config.logLevel,
    format: config.logFormat,
    maskSensitive: config.maskSensitive,
  };
  const log = createLogger({ ...logOptions, service: "gateway" });
  const lifecycle = createLifecycle(log);
  log.info({ config: describeConfig(GATEWAY_SCHEMA, config) }, "starting");
  const replicaId = randomBytes(8).toString("hex");
  const aggregator = new AggregatorRegistry();
  const slots = new Map<number, { worker: Worker; logId: string; startedAt: number }>();

  const redis = new Redis(config.redisUrl, redisOptions());
  redis.on("error", (error: Error) => {
    log.debug({ err: error }, "Redis is away");
  });
  lifecycle.onClose("Redis", () => {
    redis.disconnect();
  });

  const orphans = new OrphanLogs({
    walDir: config.walDir,
    log,
    now: Date.now,
    shipper: {
      redis,
      log,
      shards: config.eventShards,
      streamMaxLength: config.streamMaxLength,
      newGeneration: () => randomBytes(8).toString("hex"),
    },
  });
  lifecycle.onClose("logs of dead workers", () => orphans.stop(ORPHANS_DEADLINE_MS));

  const budgets = createInternalClient(InternalBudgetService, {
    baseUrl: config.costUrl,
    internalSecret: config.internalSecret,
  });
  const reports = new LogReports({
    walDir: config.walDir,
    live: () => [...slots.values()].map(({ logId }) => logId),
    report: (logs) => budgets.reportLogs(logs),
    log,
  });
  lifecycle.onClose("reports of logs", () => {
    reports.stop();
  });

  const bridge = await startBridge({
    servers: options.stdioServers,
    denyPrivateUpstreams: config.denyPrivateUpstreams,
    log,
    logOptions,
    onRestart: writeProcesses,
  });
  lifecycle.onClose("bridge", () => bridge.stop());

  // Workers accept by themselves. When the primary accepts and hands over, a connection on its way to a worker that is
  // killed is lost without a reset: its client would wait until its own deadline.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.setupPrimary({
    exec: new URL("../main.ts", import.meta.url).pathname,
    execArgv: [...process.execArgv, ...ENGINE_FLAGS],
  });
  cluster.on("message", (worker: Worker, message: unknown) => {
    if (isMetricsRequest(message)) void answerMetrics(worker, message.id);
  });
  cluster.on("exit", (worker: Worker, code: number | null, signal: string | null) => {
    onExit(worker, code, signal);
  });
  lifecycle.onClose("workers", stopWorkers);
  closeOnSignals(lifecycle, (code) => process.exit(code));

  for (let slot = 1; slot <= options.workers; slot++) startWorker(slot);
  // After the workers have their logs' names: what is left then belongs to the dead.
  orphans.start();
  reports.start();
  writeProcesses();

  function startWorker(slot: number): void {
    const logId = randomBytes(16).toString("hex");
    orphans.expect(logId);
    const worker = cluster.fork(
      toWorkerEnv({
        logId,
        logDirectoryId: reports.directoryId,
        replicaId,
        bridge: bridge.address,
      }),
    );
    slots.set(slot, { worker, logId, startedAt: Date.now() });
  }

  function onExit(worker: Worker, code: number | null, signal: string | null): void {
    for (const [slot, entry] of slots) {
      if (entry.worker !== worker) continue;
      slots.delete(slot);
      orphans.release(entry.logId);
      if (lifecycle.signal.aborted) return;
      log.error({ pid: worker.process.pid, code, signal }, "a worker died and is replaced");
      const soon = Date.now() - entry.startedAt < CRASH_LOOP_MS;
      setTimeout(
        () => {
          if (lifecycle.signal.aborted) return;
          startWorker(slot);
          writeProcesses();
        },
        soon ? CRASH_LOOP_MS : 0,
      );
    }
  }

  async function stopWorkers(): Promise<void> {
    const gone = [...slots.values()].map(
      ({ worker }) =>
        new Promise<void>((resolve) =>
          worker.process.once("exit", () => {
            resolve();
          }),
        ),
    );
    for (const { worker } of slots.values()) worker.send({ kind: "close" }, () => undefined);
    const killer = setTimeout(() => {
      for (const { worker } of slots.values()) worker.process.kill("SIGKILL");
    }, DRAIN_MS - 2_500);
    await Promise.all(gone);
    clearTimeout(killer);
  }

  async function answerMetrics(worker: Worker, id: number): Promise<void> {
    try {
      worker.send({ kind: "metrics", id, text: await aggregator.clusterMetrics() });
    } catch (error) {
      log.warn({ err: error }, "the workers' metrics could not be gathered");
      worker.send({ kind: "metrics", id, text: undefined });
    }
  }

  /** Names the processes for those who look from outside. */
  function writeProcesses(): void {
    const processes = [...slots].map(([slot, { worker }]) => ({
      name: `gateway-worker-${slot}`,
      pid: worker.process.pid,
    }));
    processes.push({ name: "bridge", pid: bridge.pid() });
    mkdirSync(config.stateDir, { recursive: true });
    const path = join(config.stateDir, "workers.json");
    writeFileSync(`${path}.new`, `${JSON.stringify(processes, null, 2)}\n`);
    renameSync(`${path}.new`, path);
  }
}

function isMetricsRequest(message: unknown): message is { kind: "metrics"; id: number } {
  return (
    typeof message === "object" &&
    message !== null &&
    "kind" in message &&
    message.kind === "metrics"
  );
}
