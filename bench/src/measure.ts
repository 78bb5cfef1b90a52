import { setTimeout as delay } from "node:timers/promises";
import { BenchError } from "./bench-error.ts";
import { cpuTimeUs, residentBytes } from "./proc.ts";
import type { Target, TargetName } from "./targets.ts";
import type { LoadReport } from "./wrk-output.ts";

/** One measured run. */
export type Run = {
  readonly target: TargetName;
  readonly connections: number;
  readonly round: number;
  readonly calls: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  /** User and system time of the target's processes per call. 0: it has none. */
  readonly cpuUsPerCall: number;
  /** Of all its processes, after the run. */
  readonly rssBytes: number;
};

export type MeasureOptions = {
  readonly targets: readonly Target[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly load: (target: Target, connections: number, seconds: number) => Promise<LoadReport>;
  readonly say: (line: string) => void;
};

/** Milliseconds after a run in which work put off for after the answer is still counted. */
const AFTERMATH_MS = 200;

/** Measures all targets in turns, so that what else the machine does hits all of them alike. */
export async function measure(options: MeasureOptions): Promise<Run[]> {
  const { targets, connections, rounds, seconds } = options;
  for (const count of connections)
    for (const target of targets) {
      options.say(`warming up ${target.name} at ${count}`);
      const report = await options.load(target, count, options.warmUpSeconds);
      await target.settle({ answered: report.requests, cutOffAtMost: count });
    }
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const count of connections)
      for (const target of targets) {
        const { run, report } = await measureOnce(target, count, {
          round,
          load: () => options.load(target, count, seconds),
        });
        runs.push(run);
        const speed = `${Math.round(run.requestsPerSecond)}/s`;
        const cpu = run.cpuUsPerCall === 0 ? "" : `, ${run.cpuUsPerCall.toFixed(1)} µs CPU`;
        options.say(
          `round ${round}/${rounds}, ${count} connections, ${target.name}: ${speed}${cpu}`,
        );
        await target.settle({ answered: report.requests, cutOffAtMost: count });
      }
  return runs;
}

/** Loads a target once and takes the CPU time of its processes before and after. */
export async function measureOnce(
  target: Target,
  connections: number,
  options: { readonly round: number; readonly load: () => Promise<LoadReport> },
): Promise<{ run: Run; report: LoadReport }> {
  const pids = target.pids();
  const before = cpuTimeUs(pids);
  const report = await options.load();
  await delay(AFTERMATH_MS);
  if (pids.join() !== target.pids().join())
    throw new BenchError(
      `processes of ${target.name} were replaced during a run`,
      "A run in which a process dies does not count; look into its log.",
    );
  const spent = cpuTimeUs(pids) - before;
  const run: Run = {
    target: target.name,
    connections,
    round: options.round,
    calls: report.requests,
    requestsPerSecond: (report.requests / report.durationUs) * 1e6,
    p50Us: report.p50Us,
    p95Us: report.p95Us,
    p99Us: report.p99Us,
    cpuUsPerCall: spent / report.requests,
    rssBytes: residentBytes(pids),
  };
  return { run, report };
}
