import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Cell } from "./cells.ts";

/** Where it was measured; "load" is the load average before, which our own work has not raised yet. */
export type Machine = {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  readonly nginx: string;
  readonly wrk: string;
  readonly load: readonly number[];
};

export type Commit = { readonly sha: string; readonly isDirty: boolean };

/** What is kept of a run, in `bench/results/`. */
export type Results = {
  readonly time: string;
  readonly commit: Commit;
  readonly machine: Machine;
  readonly seconds: number;
  readonly rounds: number;
  /** CPU per call of the gateway against nginx's: the median of the rounds' ratios. */
  readonly cpuRatioToNginx: number;
  readonly rpsRatioToNginx: number;
  /** Connections at which both ratios were taken. */
  /** Workers of the gateway. */
  readonly workers: number;
  readonly judgedConnections: number;
  readonly maxRatio: number;
  /** CPU µs per gateway call of what works behind the gateway, over the whole run and until all was recorded. */
  readonly behindUsPerCall: Readonly<Record<string, number>>;
  readonly ledger: { readonly answered: number; readonly recorded: number };
  readonly cells: readonly Cell[];
};

const DIRECTORY = fileURLToPath(new URL("../results", import.meta.url));

export function describeMachine(versions: { nginx: string; wrk: string }): Machine {
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model ?? "",
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    ...versions,
    load: loadavg(),
  };
}

/** The checkout's commit; "unknown" outside git. */
export async function readCommit(): Promise<Commit> {
  const git = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)("git", ["-C", DIRECTORY, ...args])).stdout.trim();
  try {
    const status = await git("status", "--porcelain", "--untracked-files=no", "--", ":/");
    return { sha: await git("rev-parse", "--short", "HEAD"), isDirty: status !== "" };
  } catch {
    // A tarball, or no git here.
    return { sha: "unknown", isDirty: true };
  }
}

/** Writes `<date>-<sha>.json`, with "-quick" for short runs, which are not kept. Returns its path. */
export function keepResults(results: Results, isQuick: boolean): string {
  mkdirSync(DIRECTORY, { recursive: true });
  const name = `${results.time.slice(0, 10)}-${results.commit.sha}${isQuick ? "-quick" : ""}.json`;
  const file = join(DIRECTORY, name);
  writeFileSync(file, toJson(results));
  return file;
}

/** JSON with numbers of four significant digits where they are measured fractions. */
export function toJson(results: Results): string {
  return `${JSON.stringify(results, (_, value: unknown) => shortened(value), 2)}\n`;
}

function shortened(value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value)
    ? Number(value.toPrecision(Math.abs(value) >= 1000 ? 6 : 4))
    : value;
}
