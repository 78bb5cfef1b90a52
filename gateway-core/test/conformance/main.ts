// Runs the official MCP conformance suite through a gateway, against MCP servers and with clients of both eras.
//   npm run conformance -- --help
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { format, resolveConfig } from "prettier";
import { startOwnStack } from "../chaos/stack.ts";
import { makeKey, makeServer, signIn } from "../e2e/control-plane.ts";
import { readStack, STACK_VARIABLE } from "../e2e/stack.ts";
import { startLegacyServer } from "./fixtures/legacy-server.ts";
import type { LoopbackServer } from "./fixtures/loopback.ts";
import { startModernServer } from "./fixtures/modern-server.ts";
import { CELLS, isSameEra, type Cell, type Era } from "./runner/cells.ts";
import { isPassed, type ScenarioResult } from "./runner/checks.ts";
import { documentOf } from "./runner/document.ts";
import { judge, type Expectation } from "./runner/expectations.ts";
import { figuresOf, lossesOf, type FiguresByCell } from "./runner/figures.ts";
import { optionsFrom, USAGE, type ConformanceOptions } from "./runner/options.ts";
import { failuresText, tableOf, type CellRun } from "./runner/report.ts";
import { isAuthorization, requirementsOf, suiteName } from "./runner/requirements.ts";
import { startShim } from "./runner/shim.ts";
import { runClientScenarios, runServerScenarios, type SuiteRun } from "./runner/suite.ts";

const EXPECTATIONS = join(import.meta.dirname, "expectations.json");
const FIGURES = join(import.meta.dirname, "figures.json");
const DOCUMENT = join(import.meta.dirname, "../../../docs/conformance.md");
const CLIENT = join(import.meta.dirname, "client/main.ts");
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Why scenarios of authorization are left out, in the document's words. */
const NO_AUTHORIZATION =
  "The gateway is no OAuth client of MCP servers: what it sends them for authorization is what the operator configured";

/** Runs the scenarios of a cell. */
type RunCell = (run: SuiteRun) => Promise<ScenarioResult[]>;

for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
process.exitCode = await main();

/** Resolves with the exit code once all that was started has stopped. */
async function main(): Promise<number> {
  const interrupt = new AbortController();
  let received: (typeof SIGNALS)[number] | undefined;
  for (const name of SIGNALS)
    process.on(name, () => {
      received ??= name;
      interrupt.abort(new Error("interrupted"));
    });
  let options: ReturnType<typeof optionsFrom>;
  try {
    options = optionsFrom(process.argv.slice(2));
  } catch (error) {
    console.error(`conformance: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
  if (options === "help") {
    console.log(USAGE);
    return 0;
  }
  await using cleanup = new AsyncDisposableStack();
  try {
    const runCell = await prepare(options, cleanup, interrupt.signal);
    const runs = await runAll(options, runCell, interrupt.signal);
    console.log(`\n${tableOf(runs)}\n\n${failuresText(runs)}`);
    return options.isDirect ? directCode(runs) : await hold(runs, options);
  } catch (error) {
    if (received !== undefined) return 128 + constants.signals[received];
    console.error(`conformance: ${error instanceof Error ? (error.stack ?? "") : String(error)}`);
    return 1;
  }
}

/** Starts the fixtures, and the gateway before them unless it is left out. */
async function prepare(
  { isDirect }: ConformanceOptions,
  cleanup: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<RunCell> {
  const fixtures: Record<Era, LoopbackServer> = {
    legacy: await startLegacyServer(),
    modern: await startModernServer(),
  };
  for (const fixture of Object.values(fixtures)) cleanup.defer(() => fixture.close());
  if (isDirect) return (run) => runServerScenarios(run, fixtures[run.cell.era].url);
  console.log("conformance: starting a stack");
  const own = await startOwnStack("conformance");
  cleanup.defer(() => own.stop());
  signal.throwIfAborted();
  // The clients, which the suite starts, find the stack by it too.
  process.env[STACK_VARIABLE] = own.file;
  const stack = readStack();
  const admin = await signIn(stack);
  const { secret: apiKey } = await makeKey(admin);
  const shims = new Map<Era, string>();
  for (const era of ["legacy", "modern"] as const) {
    const server = await makeServer(admin, { url: fixtures[era].url });
    const shim = await startShim({ gatewayUrl: stack.gatewayUrl, server, apiKey });
    cleanup.defer(() => shim.close());
    shims.set(era, shim.url);
  }
  return (run) =>
    run.cell.role === "server"
      ? runServerScenarios(run, shims.get(run.cell.era) ?? "")
      : runClientScenarios(run, `${process.execPath} ${CLIENT} ${run.cell.era}`);
}

async function runAll(
  { cells, scenario, isDirect, isVerbose }: ConformanceOptions,
  runCell: RunCell,
  signal: AbortSignal,
): Promise<CellRun[]> {
  const root = mkdtempSync(join(tmpdir(), "gatewayops-suite-"));
  try {
    const runs: CellRun[] = [];
    for (const cell of cells) {
      if (isDirect && (cell.role === "client" || !isSameEra(cell))) continue;
      const requirements = requirementsOf(cell).filter(
        (requirement) =>
          !isAuthorization(requirement) &&
          (scenario === undefined || requirement.scenario === scenario),
      );
      if (requirements.length === 0) continue;
      console.log(`conformance: ${cell.id}`);
      const directory = join(root, cell.id);
      mkdirSync(directory, { recursive: true });
      const started = performance.now();
      const results = await runCell({ cell, requirements, directory, isVerbose, signal });
      runs.push({ cell, results, seconds: (performance.now() - started) / 1000 });
    }
    if (runs.length === 0) throw new Error(`No cell has a scenario ${scenario ?? ""}.`);
    return runs;
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function directCode(runs: readonly CellRun[]): number {
  const required = runs.flatMap(({ results }) => results).filter((r) => r.scoring === "required");
  return required.every(isPassed) ? 0 : 1;
}

/** Holds the runs to what was expected and committed, and writes both down where they are whole. */
async function hold(runs: readonly CellRun[], options: ConformanceOptions): Promise<number> {
  const isWhole = options.scenario === undefined;
  const results = new Map(runs.map(({ cell, results: given }) => [cell.id, given]));
  const expectations = readJson<readonly Expectation[]>(EXPECTATIONS, []);
  const committed = readJson<FiguresByCell>(FIGURES, {});
  const now = Object.fromEntries(
    runs.map(({ cell, results: given }) => [cell.id, figuresOf(given)]),
  );
  const { unexpected, stale } = judge(results, expectations);
  const losses = isWhole && !options.accepts ? lossesOf(now, committed) : [];
  if (options.accepts)
    writeFileSync(FIGURES, `${JSON.stringify({ ...committed, ...now }, null, 2)}\n`);
  if (isWhole && runs.length === CELLS.length) await writeDocument(results, expectations);
  const problems = [
    ...unexpected.map((what) => `fails without a reason: ${what}`),
    ...stale.map((what) => `has a reason and does not fail: ${what}`),
    ...losses,
  ];
  for (const problem of problems) console.error(`✗ ${problem}`);
  console.log(
    problems.length === 0
      ? "conformance: as expected"
      : `conformance: ${problems.length} problem(s)`,
  );
  return problems.length === 0 ? 0 : 1;
}

async function writeDocument(
  results: ReadonlyMap<string, readonly ScenarioResult[]>,
  expectations: readonly Expectation[],
): Promise<void> {
  const authorization = CELLS.flatMap((cell: Cell) => requirementsOf(cell))
    .filter(isAuthorization)
    .map(({ scenario }) => scenario);
  const text = documentOf({
    suite: suiteName(),
    cells: CELLS,
    results,
    expectations,
    leftOut: new Map([[NO_AUTHORIZATION, [...new Set(authorization)].sort()]]),
  });
  const config = (await resolveConfig(DOCUMENT)) ?? {};
  writeFileSync(DOCUMENT, await format(text, { ...config, filepath: DOCUMENT }));
}

function readJson<T>(file: string, none: T): T {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as T) : none;
}
