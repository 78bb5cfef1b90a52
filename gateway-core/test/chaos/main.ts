// Kills processes with -9 while calls are made, and then holds the books against what the client saw.
//   npm run chaos -- [--calls 10000] [--connections 16] [--keep]
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { audit, isComplete, type Audit } from "./audit.ts";
import { offerCalls, type OfferedCall } from "./load.ts";
import { signIn, startOwnStack, type OwnStack } from "./stack.ts";
import { startCountingUpstream } from "./upstream.ts";

const { values: args } = parseArgs({
  options: {
    calls: { type: "string", default: "10000" },
    connections: { type: "string", default: "16" },
  },
});

const SERVER = "counting";
/** Micro-USD of a call, by tool. */
const PRICES = { cheap: 7n, dear: 1_301n } as const;
/** What is killed when so much of the calls has ended. The supervisor starts it again. */
const KILLS = [
  { at: 0.15, name: "gateway-worker-1" },
  { at: 0.3, name: "svc-cost" },
  { at: 0.45, name: "svc-trace" },
  { at: 0.6, name: "redis" },
  { at: 0.75, name: "gateway-worker-2" },
  { at: 0.85, name: "svc-cost" },
] as const;
/** Milliseconds the books have to catch up after the last call. A killed consumer's lease runs out within them. */
const CATCH_UP_MS = 60_000;
const SUCCESS_MIN = 0.95;

const calls = Number(args.calls);
const upstream = await startCountingUpstream(5);
const stack = await startOwnStack("chaos");
let problems: string[];
try {
  problems = await run(stack);
} finally {
  await stack.stop();
  await upstream.close();
}
for (const problem of problems) console.error(`✗ ${problem}`);
console.log(
  problems.length === 0 ? "chaos: all held" : `chaos: ${problems.length} promise(s) broken`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

async function run(own: OwnStack): Promise<string[]> {
  const { gatewayUrl, apiKey, orgId, clickhouseUrl } = own.read();
  const post = await signIn(own.read());
  await post("/v1/servers", { name: SERVER, url: upstream.url });
  for (const [tool, micros] of Object.entries(PRICES))
    await post("/v1/prices", { server: SERVER, tool, per_call: Number(micros) / 1e6 });

  const kills = [...KILLS];
  const started = performance.now();
  const offered = await offerCalls({
    gatewayUrl,
    apiKey,
    server: SERVER,
    calls,
    connections: Number(args.connections),
    onProgress: (ended) => {
      const next = kills[0];
      if (!next || ended < next.at * calls) return;
      kills.shift();
      kill(own, next.name, ended);
    },
  });
  const seconds = (performance.now() - started) / 1000;
  const result = await caughtUp(() =>
    audit({ clickhouseUrl, orgId, server: SERVER, offered, priceOf: (call) => PRICES[call.tool] }),
  );
  report(offered, result, seconds);
  return problemsOf(offered, result);
}

function kill(own: OwnStack, name: string, ended: number): void {
  const victim = own.read().processes.find((process) => process.name === name);
  if (!victim) throw new Error(`stack.json names no process ${name}`);
  process.kill(victim.pid, "SIGKILL");
  console.log(`  ${String(ended).padStart(6)} calls: kill -9 ${name} (pid ${victim.pid})`);
}

async function caughtUp(look: () => Promise<Audit>): Promise<Audit> {
  const until = performance.now() + CATCH_UP_MS;
  for (;;) {
    const result = await look();
    if (isComplete(result) || performance.now() > until) return result;
    await delay(250);
  }
}

function report(offered: readonly OfferedCall[], result: Audit, seconds: number): void {
  const failures = new Map<string, number>();
  for (const { problem } of offered)
    if (problem !== "") failures.set(problem, (failures.get(problem) ?? 0) + 1);
  console.log(
    `  ${offered.length} calls in ${seconds.toFixed(1)} s, ${Math.round(offered.length / seconds)} calls/s`,
  );
  for (const [problem, count] of failures) console.log(`  not answered: ${count} × ${problem}`);
  console.log(
    `offered ${offered.length}, answered ${result.answered} (${((100 * result.answered) / offered.length).toFixed(2)} %), ` +
      `recorded ${result.allCalls}, missing ${result.missing}, duplicate ${result.duplicate}, unknown ${result.unknown}`,
  );
  console.log(
    `answered: ${result.expectedUsdMicros} micro-USD by the client, ${result.ledgerUsdMicros} by the ledger; ` +
      `all: ${result.allUsdMicros} by the ledger, ${result.rollupUsdMicros} by the roll-up`,
  );
}

function problemsOf(offered: readonly OfferedCall[], result: Audit): string[] {
  const ranTwice = [...upstream.runs.values()].filter((runs) => runs > 1).length;
  const checks: [boolean, string][] = [
    [
      result.answered >= SUCCESS_MIN * offered.length,
      "less than 95 % of the offered calls succeeded",
    ],
    [result.missing === 0, `${result.missing} answered calls are not recorded`],
    [result.duplicate === 0, `${result.duplicate} answered calls count more than once`],
    [result.expectedUsdMicros === result.ledgerUsdMicros, "the ledger's sum is not the client's"],
    [result.allUsdMicros === result.rollupUsdMicros, "the roll-up's sum is not the ledger's"],
    [result.allCalls === result.rollupCalls, "the roll-up's calls are not the ledger's"],
    [result.unknown > 0, "no call in flight at a kill shows as unknown"],
    [
      result.unknownButAnswered === 0,
      `${result.unknownButAnswered} answered calls show as unknown`,
    ],
    [ranTwice === 0, `${ranTwice} calls ran more than once`],
  ];
  return checks.filter(([holds]) => !holds).map(([, problem]) => problem);
}
