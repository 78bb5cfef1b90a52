import { rmSync } from "node:fs";
import { readJsonFile, writePrivateFile } from "../private-file.ts";

/** One process of the stack. */
export type StackProcess = {
  readonly name: string;
  readonly pid: number;
  /** Where it is reached. Empty for those that are not reached themselves, such as gateway workers. */
  readonly url: string;
};

/** The running stack, as `stack.json` describes it to tests, benchmarks and chaos runs. A stable shape. */
export type Stack = {
  readonly gatewayUrl: string;
  readonly grpcUrl: string;
  readonly consoleUrl: string;
  readonly apiKey: string;
  readonly orgId: string;
  readonly teamId: string;
  readonly admin: { readonly email: string; readonly password: string };
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly clickhouseUrl: string;
  readonly processes: readonly StackProcess[];
};

/** Order of `processes`: who answers first, who keeps the data last. Also the order of stopping. */
const ORDER = [
  /^gateway$/,
  /^gateway-worker-\d+$/,
  /^bridge$/,
  /^mcp-/,
  /^svc-/,
  /^(postgres|redis|clickhouse)$/,
];

/** The processes in the order in which they are stopped; equal ones by name. */
export function inStopOrder<T extends { readonly name: string }>(processes: readonly T[]): T[] {
  return [...processes].sort(
    (a, b) =>
      stopRank(a.name) - stopRank(b.name) || a.name.localeCompare(b.name, "en", { numeric: true }),
  );
}

/** Place of a process in the order of stopping; processes of one place are stopped together. */
export function stopRank(name: string): number {
  const rank = ORDER.findIndex((pattern) => pattern.test(name));
  return rank === -1 ? ORDER.length : rank;
}

/** The workers and the bridge in a parsed workers.json; none when it is damaged. */
export function workersFrom(value: unknown): StackProcess[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((entry: { name?: unknown; pid?: unknown; url?: unknown } | null) =>
    typeof entry?.name === "string" && Number.isInteger(entry.pid)
      ? [
          {
            name: entry.name,
            pid: entry.pid as number,
            url: typeof entry.url === "string" ? entry.url : "",
          },
        ]
      : [],
  );
}

export function writeStackFile(file: string, stack: Stack): void {
  writePrivateFile(file, `${JSON.stringify(stack, null, 2)}\n`);
}

/** The stack that the file describes; undefined when there is none. It may have been killed since. */
export function readStackFile(file: string): Stack | undefined {
  return readJsonFile(file) as Stack | undefined;
}

export function removeStackFile(file: string): void {
  rmSync(file, { force: true });
}
