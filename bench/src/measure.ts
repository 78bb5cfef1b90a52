import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { BenchError } from "./bench-error.ts";
import { cpuTimeUs, endedChildrenUs, machineBusyUs, residentBytes } from "./proc.ts";
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
  /** Part of the machine's CPU that went to processes that are none of ours, 0 to 1. */
  readonly foreignShare: number;
};

export type MeasureOptions = {
  readonly targets: readonly Target[];
  readonly connections: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly load: (target: Target, connections: number, seconds: number) => Promise<LoadReport>;
  readonly say: (line: string) => void;
  /** Pids of all processes that run for this measurement, beside the load. */
  readonly ours: () => readonly number[];
};

/** Calls before a target can be warm: what a compiler has not seen a few ten thousand times is not yet fast. */
const WARM_CALLS = 30_000;
const WARM_UP_STEP_SECONDS = 2;
const WARM_UP_MAX_SECONDS = 60;
/** A step that is not so much cheaper than the cheapest before it, as a part, has nothing more to gain. */
const WARM_GAIN = 0.03;
/** So many such steps in a row: one may have been unlucky. */
const WARM_STEPS = 2;

/** Milliseconds after a run in which work put off for after the answer is still counted. */
const AFTERMATH_MS = 200;

/** Measures all targets in turns, so that what else the machine does hits all of them alike. */
export async function measure(options: MeasureOptions): Promise<Run[]> {
  const { targets, connections, rounds, seconds } = options;
  for (const target of targets) await warmUp(target, options);
  const runs: Run[] = [];
  for (let round = 1; round <= rounds; round++)
    for (const count of connections)
      for (const target of targets) {
        const { run, report } = await measureOnce(target, count, {
          round,
          ours: options.ours,
          load: () => options.load(target, count, seconds),
        });
        runs.push(run);
        const speed = `${Math.round(run.requestsPerSecond)}/s`;
        const cpu = run.cpuUsPerCall === 0 ? "" : `, ${run.cpuUsPerCall.toFixed(1)} µs CPU`;
        const noise = `others took ${Math.round(run.foreignShare * 100)} % of the machine`;
        options.say(
          `round ${round}/${rounds}, ${count} connections, ${target.name}: ${speed}${cpu}; ${noise}`,
        );
        await target.settle({ answered: report.requests, cutOffAtMost: count });
      }
  return runs;
}

/**
 * Loads a target until it is warm, then briefly at each number of connections. Warm is what does not get cheaper any
 * more: the figures are those of a process that has run for a while, for every target alike.
 */
export async function warmUp(
  target: Target,
  options: Pick<MeasureOptions, "connections" | "load" | "say">,
): Promise<void> {
  const most = Math.max(...options.connections);
  options.say(`warming up ${target.name}`);
  let calls = 0;
  let cheapestUs = Number.POSITIVE_INFINITY;
  let stepsWithoutGain = 0;
  for (let seconds = 0; seconds < WARM_UP_MAX_SECONDS; seconds += WARM_UP_STEP_SECONDS) {
    const before = cpuTimeUs(target.pids());
    const loaded = await loadAt(most, WARM_UP_STEP_SECONDS);
    const usPerCall = (cpuTimeUs(target.pids()) - before) / loaded;
    calls += loaded;
    stepsWithoutGain = usPerCall < cheapestUs * (1 - WARM_GAIN) ? 0 : stepsWithoutGain + 1;
    cheapestUs = Math.min(cheapestUs, usPerCall);
    if (calls >= WARM_CALLS && stepsWithoutGain >= WARM_STEPS) break;
  }
  for (const connections of options.connections)
    if (connections !== most) await loadAt(connections, 1);

  async function loadAt(connections: number, forSeconds: number): Promise<number> {
    const { requests } = await options.load(target, connections, forSeconds);
    await target.settle({ answered: requests, cutOffAtMost: connections });
    return requests;
  }
}

/** Loads a target once and takes the CPU time of its processes before and after. */
export async function measureOnce(
  target: Target,
  connections: number,
  options: {
    readonly round: number;
    readonly ours: () => readonly number[];
    readonly load: () => Promise<LoadReport>;
  },
): Promise<{ run: Run; report: LoadReport }> {
  const pids = target.pids();
  const all = options.ours();
  const foreign = (): number => machineBusyUs() - endedChildrenUs() - cpuTimeUs(all);
  const began = performance.now();
  const foreignBefore = foreign();
  const before = cpuTimeUs(pids);
  const report = await options.load();
  await delay(AFTERMATH_MS);
  if (pids.join() !== target.pids().join())
    throw new BenchError(
      `processes of ${target.name} were replaced during a run`,
      "A run in which a process dies does not count; look into its log.",
    );
  const spent = cpuTimeUs(pids) - before;
  const capacityUs = (performance.now() - began) * 1000 * availableParallelism();
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
    foreignShare: Math.max(0, (foreign() - foreignBefore) / capacityUs),
  };
  return { run, report };
}
