import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { BenchError } from "./bench-error.ts";
import { measureOnce, warmUp } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { cpuTimeUs } from "./proc.ts";
import { selfTimes, type CpuProfile } from "./self-time.ts";
import { setUp, type RunContext } from "./setup.ts";
import { selfTimeTables } from "./top-functions.ts";

const WRITE_MS = 20_000;

/** Profiles the gateway's workers under load, and prints what costs most. Resolves with the exit code. */
export async function profile(
  options: BenchOptions,
  context: RunContext & { readonly profileDir: string },
): Promise<number> {
  const { say, signal } = context;
  const directory = resolve(context.profileDir);
  mkdirSync(directory, { recursive: true });
  const bench = await setUp(context, {
    workers: options.workers,
    nodeOptions: `--import=${new URL("./profile-worker.ts", import.meta.url).href}`,
    env: { BENCH_PROFILE_DIR: directory },
  });
  const { gateway } = bench;
  await bench.check();
  const connections = options.judgedConnections;
  await warmUp(gateway, { connections: [connections], load: bench.load, say });
  const workers = bench.stack.pids(/^gateway-worker-/);
  for (const pid of workers) process.kill(pid, "SIGUSR2");
  const before = cpuTimeUs(workers);
  const { run, report } = await measureOnce(gateway, connections, {
    round: 1,
    ours: bench.pids,
    load: () => bench.load(gateway, connections, options.seconds),
  });
  const workerUs = (cpuTimeUs(workers) - before) / report.requests;
  for (const pid of workers) process.kill(pid, "SIGUSR2");
  const files = workers.map((pid) => join(directory, `worker-${pid}.cpuprofile`));
  await written(files, signal);
  const profiles = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as CpuProfile);
  process.stdout.write(
    `${selfTimeTables(selfTimes(profiles), { top: 40, usPerCall: workerUs })}\n\n` +
      `${run.calls} calls at ${connections} connections, ${Math.round(run.requestsPerSecond)}/s, ` +
      `${workerUs.toFixed(1)} µs CPU per call in the workers, all of them profiled\n` +
      `again: node bench/src/top-functions.ts --us-per-call ${workerUs.toFixed(1)} ${files.join(" ")}\n`,
  );
  return 0;
}

async function written(files: readonly string[], signal: AbortSignal): Promise<void> {
  const deadline = performance.now() + WRITE_MS;
  while (!files.every((file) => existsSync(file))) {
    if (performance.now() > deadline)
      throw new BenchError(
        "the gateway's workers have written no profile",
        "profile-worker.ts must reach them: look whether gwo up passes NODE_OPTIONS on.",
      );
    await delay(100, undefined, { signal });
  }
}
