import { spawn } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Cell } from "./cells.ts";
import { readChecks, scenarioOfDirectory, unfinished, type ScenarioResult } from "./checks.ts";
import { SUITE_PROGRAM, type Requirement } from "./requirements.ts";

export type SuiteRun = {
  readonly cell: Cell;
  readonly requirements: readonly Requirement[];
  /** An empty directory for the suite's results. */
  readonly directory: string;
  readonly isVerbose: boolean;
  readonly signal: AbortSignal;
};

/** Milliseconds for one scenario. */
const SCENARIO_MS = 20_000;
/** Milliseconds for one run of the suite, so that none outlasts what waits for it. */
const SUITE_MS = 120_000;
/** Scenarios of clients that run at once: each is a suite, a client and their start. */
const CLIENTS_MAX = 2;

/** Runs all server scenarios of a cell against an MCP endpoint. */
export async function runServerScenarios(run: SuiteRun, url: string): Promise<ScenarioResult[]> {
  const { cell, requirements, directory } = run;
  const only = requirements.length === 1 ? requirements[0]?.scenario : undefined;
  await runSuite(run, [
    ...["server", "--url", url, "-o", directory, "--timeout", String(SCENARIO_MS)],
    ...(only === undefined
      ? ["--requirements", cell.revision]
      : ["--scenario", only, "--spec-version", cell.revision, "--force"]),
  ]);
  const files = new Map(
    globSync(join(directory, "**", "checks.json")).map((file) => [
      scenarioOfDirectory(basename(dirname(file))),
      file,
    ]),
  );
  return requirements.map(({ scenario, scoring }) => ({
    scenario,
    scoring,
    checks: checksIn(files.get(scenario)),
  }));
}

/** Runs client scenarios; the command gets the URL of the suite's MCP server as its last argument. */
export async function runClientScenarios(
  run: SuiteRun,
  command: string,
): Promise<ScenarioResult[]> {
  const results: ScenarioResult[] = [];
  const waiting = [...run.requirements.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [index, { scenario, scoring }] = next;
      const directory = join(run.directory, String(index));
      await runSuite(run, [
        ...["client", "--command", command, "--scenario", scenario],
        ...["--spec-version", run.cell.revision, "--force"],
        ...["-o", directory, "--timeout", String(SCENARIO_MS)],
      ]);
      const [file] = globSync(join(directory, "**", "checks.json"));
      results[index] = { scenario, scoring, checks: checksIn(file) };
    }
  };
  await Promise.all(Array.from({ length: CLIENTS_MAX }, work));
  return results;
}

function checksIn(file: string | undefined): ScenarioResult["checks"] {
  if (file === undefined || !existsSync(file)) return unfinished();
  return readChecks(readFileSync(file, "utf8"));
}

/**
 * Its exit code says what its result files say as well; of interest are the files alone. Once they are written a
 * suite that serves waits for its connections to end, which a gateway keeps for the next call: it is ended then.
 */
function runSuite({ isVerbose, signal }: SuiteRun, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [SUITE_PROGRAM, ...args], {
      stdio: ["ignore", isVerbose ? "inherit" : "ignore", "pipe"],
      timeout: SUITE_MS,
      signal,
    });
    let printed = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      if (isVerbose) process.stderr.write(text);
      printed += text;
      if (printed.includes(SAVED)) child.kill();
      printed = printed.slice(-SAVED.length);
    });
    child.on("error", reject);
    child.on("exit", () => {
      resolve();
    });
  });
}

/** What the suite prints to standard error when a client scenario's files are written. */
const SAVED = "Results saved to ";
