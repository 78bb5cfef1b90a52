import { BenchError } from "./bench-error.ts";
import { cellsFrom, type Cell } from "./cells.ts";
import type { GatewayStack } from "./gateway-stack.ts";
import { measure } from "./measure.ts";
import type { BenchOptions } from "./options.ts";
import { cpuTimeUs } from "./proc.ts";
import { versionOf } from "./programs.ts";
import { describeMachine, keepResults, readCommit, toJson, type Results } from "./results.ts";
import { setUp, type RunContext } from "./setup.ts";
import { cellTable } from "./table.ts";

/** What works behind the gateway for every call, by the names of its processes. */
const BEHIND = { services: /^svc-/, redis: /^redis$/, clickhouse: /^clickhouse$/ } as const;

/** Above this part of the machine in the hands of others, Node's working set is cold at every turn and costs more. */
const NOISY_SHARE = 0.1;

/** Measures all targets, prints and keeps the results. Resolves with the exit code. */
export async function compare(options: BenchOptions, context: RunContext): Promise<number> {
  const { say } = context;
  const bench = await setUp(context, { workers: options.workers, nodeOptions: "", env: {} });
  const machine = describeMachine({
    nginx: await versionOf(bench.programs.nginx),
    wrk: await versionOf(bench.programs.wrk),
  });
  const time = new Date().toISOString();
  await bench.check();
  const behindBefore = cpuBehind(bench.stack);
  const runs = await measure({
    targets: [bench.direct, bench.nginx, bench.gateway],
    connections: options.connections,
    rounds: options.rounds,
    seconds: options.seconds,
    load: bench.load,
    ours: bench.pids,
    say,
  });
  await bench.check();
  const { recorded, fault } = await bench.gateway.audit();
  const { answered } = bench.gateway.count;
  const behindAfter = cpuBehind(bench.stack);
  const cells = cellsFrom(runs);
  const judged = judgedCell(cells, options.judgedConnections);
  const results: Results = {
    time,
    commit: await readCommit(),
    machine,
    seconds: options.seconds,
    rounds: options.rounds,
    cpuRatioToNginx: judged.cpuRatioToNginx?.median ?? NaN,
    rpsRatioToNginx: judged.rpsRatioToNginx.median,
    workers: options.workers,
    judgedConnections: options.judgedConnections,
    maxRatio: options.maxRatio,
    behindUsPerCall: Object.fromEntries(
      Object.entries(behindAfter).map(([name, us]) => [
        name,
        (us - (behindBefore[name] ?? 0)) / answered,
      ]),
    ),
    ledger: { answered, recorded },
    cells,
  };
  if (fault !== undefined)
    throw new BenchError(
      fault,
      "The gateway's controls were not all on, so its numbers do not count.",
    );
  process.stdout.write(options.json ? toJson(results) : textOf(results));
  if (judged.foreignShare.median > NOISY_SHARE)
    say(
      `others took ${Math.round(judged.foreignShare.median * 100)} % of the machine: requests/s mean little, and the CPU ratio is higher than on a quiet one`,
    );
  say(`kept in ${keepResults(results, options.quick)}`);
  if (results.cpuRatioToNginx <= options.maxRatio) return 0;
  say(
    `CPU per call is ${results.cpuRatioToNginx.toFixed(2)} × nginx's, above the limit of ${options.maxRatio} ×`,
  );
  return 1;
}

function cpuBehind(stack: GatewayStack): Record<string, number> {
  return Object.fromEntries(
    Object.entries(BEHIND).map(([name, pattern]) => [name, cpuTimeUs(stack.pids(pattern))]),
  );
}

function judgedCell(cells: readonly Cell[], connections: number): Cell {
  const cell = cells.find((one) => one.target === "gateway" && one.connections === connections);
  if (cell === undefined) throw new Error(`the gateway was not measured at ${connections}`);
  return cell;
}

function textOf(results: Results): string {
  const { machine, commit, ledger } = results;
  const behind = Object.entries(results.behindUsPerCall).map(
    ([name, us]) => `${name} ${us.toFixed(1)}`,
  );
  return [
    `${machine.cores} × ${machine.cpu}, Linux ${machine.kernel}, Node ${machine.node}, ${machine.nginx}, ${machine.wrk}, load ${machine.load[0]?.toFixed(2) ?? ""}`,
    `commit ${commit.sha}${commit.isDirty ? " with changes" : ""}, medians of ${results.rounds} × ${results.seconds} s, nginx with 1 worker, the gateway with ${results.workers}`,
    "",
    cellTable(results.cells),
    "",
    `behind each gateway call, CPU µs: ${behind.join(", ")}`,
    `ledger: ${ledger.answered} calls answered, ${ledger.recorded} recorded and priced; the ${ledger.recorded - ledger.answered} more were under way when the load stopped`,
    `at ${results.judgedConnections} connections the gateway takes ${results.cpuRatioToNginx.toFixed(2)} × nginx's CPU per call (limit ${results.maxRatio}) and reaches ${results.rpsRatioToNginx.toFixed(2)} × its requests/s`,
    "",
  ].join("\n");
}
