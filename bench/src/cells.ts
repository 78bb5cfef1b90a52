import type { Run } from "./measure.ts";
import { spreadOf, type Spread } from "./statistics.ts";
import type { TargetName } from "./targets.ts";

/** All runs of one target at one number of connections. */
export type Cell = {
  readonly target: TargetName;
  readonly connections: number;
  readonly calls: number;
  readonly requestsPerSecond: Spread;
  readonly p50Us: Spread;
  readonly p95Us: Spread;
  readonly p99Us: Spread;
  /** Null: the target has no processes of its own. */
  readonly cpuUsPerCall: Spread | null;
  readonly rssBytes: number | null;
  /** Each run against nginx's of the same round, which was made just before or after. */
  readonly cpuRatioToNginx: Spread | null;
  readonly rpsRatioToNginx: Spread;
  /** Part of the machine's CPU that others took during the runs. */
  readonly foreignShare: Spread;
};

/** Groups runs by connections and target, in the order of the runs. */
export function cellsFrom(runs: readonly Run[]): Cell[] {
  const groups = Map.groupBy(runs, ({ connections, target }) => `${connections} ${target}`);
  return [...groups.values()].map((group) => cellFrom(group, runs));
}

function cellFrom(group: readonly Run[], all: readonly Run[]): Cell {
  const first = group[0];
  const last = group.at(-1);
  if (first === undefined || last === undefined) throw new Error("a cell without a run");
  const pairs = group.map((run) => ({ run, nginx: nginxBeside(run, all) }));
  const hasProcesses = first.cpuUsPerCall > 0;
  return {
    target: first.target,
    connections: first.connections,
    calls: group.reduce((sum, { calls }) => sum + calls, 0),
    requestsPerSecond: spreadOf(group.map(({ requestsPerSecond }) => requestsPerSecond)),
    p50Us: spreadOf(group.map(({ p50Us }) => p50Us)),
    p95Us: spreadOf(group.map(({ p95Us }) => p95Us)),
    p99Us: spreadOf(group.map(({ p99Us }) => p99Us)),
    cpuUsPerCall: hasProcesses ? spreadOf(group.map(({ cpuUsPerCall }) => cpuUsPerCall)) : null,
    rssBytes: hasProcesses ? last.rssBytes : null,
    cpuRatioToNginx: hasProcesses
      ? spreadOf(pairs.map(({ run, nginx }) => run.cpuUsPerCall / nginx.cpuUsPerCall))
      : null,
    foreignShare: spreadOf(group.map(({ foreignShare }) => foreignShare)),
    rpsRatioToNginx: spreadOf(
      pairs.map(({ run, nginx }) => run.requestsPerSecond / nginx.requestsPerSecond),
    ),
  };
}

function nginxBeside(run: Run, all: readonly Run[]): Run {
  const found = all.find(
    ({ target, connections, round }) =>
      target === "nginx" && connections === run.connections && round === run.round,
  );
  if (found === undefined) throw new Error(`round ${run.round} has no run of nginx`);
  return found;
}
