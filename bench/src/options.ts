import { parseArgs } from "node:util";
import { BenchError } from "./bench-error.ts";

/** CPU per call of the gateway may be at most so many times that of nginx. */
export const MAX_CPU_RATIO = 4;
/** Where the ratio is judged. */
const JUDGED_CONNECTIONS = 64;

export type BenchOptions = {
  /** Seconds of one measured run. */
  readonly seconds: number;
  /** Measured runs of each target at each number of connections. */
  readonly rounds: number;
  readonly connections: readonly number[];
  /** The number of connections at which the ratio is judged: 64, else the largest. */
  readonly judgedConnections: number;
  readonly maxRatio: number;
  /** Workers of the gateway. One, as nginx has. */
  readonly workers: number;
  readonly quick: boolean;
  readonly json: boolean;
  /** Directory for CPU profiles of the gateway's workers. Undefined: the usual measurement. */
  readonly profileDir: string | undefined;
};

export const USAGE = `npm run bench -- [options]

  --seconds N        seconds of one measured run (5)
  --rounds N         runs of each target at each number of connections (3)
  --connections LIST numbers of connections (1,16,64)
  --max-ratio X      fail when the gateway's CPU per call is above X times nginx's (${MAX_CPU_RATIO})
  --workers N        workers of the gateway (1, as nginx has)
  --quick            one run of 2 s at 64 connections, for CI
  --json             print the results as JSON instead of a table
  --profile DIR      profile the gateway's workers instead of comparing; CPU profiles go to DIR
`;

const FLAGS = {
  seconds: { type: "string" },
  rounds: { type: "string" },
  connections: { type: "string" },
  "max-ratio": { type: "string" },
  workers: { type: "string" },
  quick: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  profile: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

/**
 * What the command line asks for, "help" when it asks for the usage.
 *
 * @throws BenchError for flags that are not known or make no sense
 */
export function optionsFrom(args: readonly string[]): BenchOptions | "help" {
  const flags = parse(args);
  if (flags.help) return "help";
  const { quick } = flags;
  const list = flags.connections ?? (quick ? String(JUDGED_CONNECTIONS) : "1,16,64");
  const connections = list.split(",").map((text) => count("connections", text, 10_000));
  return {
    seconds: count("seconds", flags.seconds ?? (quick ? "2" : "5"), 3_600),
    rounds: count("rounds", flags.rounds ?? (quick ? "1" : "3"), 100),
    connections,
    judgedConnections: connections.includes(JUDGED_CONNECTIONS)
      ? JUDGED_CONNECTIONS
      : Math.max(...connections),
    maxRatio: positive("max-ratio", flags["max-ratio"] ?? String(MAX_CPU_RATIO)),
    workers: count("workers", flags.workers ?? "1", 64),
    quick,
    json: flags.json,
    profileDir: flags.profile,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values;
  } catch (error) {
    throw new BenchError((error as Error).message, "npm run bench -- --help shows the flags.", {
      cause: error,
    });
  }
}

function count(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new BenchError(
    `--${flag}: ${JSON.stringify(text)} is no whole number from 1 to ${max}`,
    "npm run bench -- --help shows the flags.",
  );
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new BenchError(
    `--${flag}: ${JSON.stringify(text)} is no number above 0`,
    "npm run bench -- --help shows the flags.",
  );
}
