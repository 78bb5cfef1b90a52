import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Data directory of the stack that the set-up started; unset when the tests run against another's. */
export const OWN_STACK_VARIABLE = "GWO_E2E_DATA";

export function gwoProgram(): string {
  return join(import.meta.dirname, "../../../cli/bin/gwo.mjs");
}

/** The environment without what jest, or a stack around the tests, has put there. */
export function stackEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        name !== "NODE_OPTIONS" &&
        name !== "NODE_ENV" &&
        !name.startsWith("JEST_") &&
        (!name.startsWith("GWO_") || ENGINE_VARIABLES.has(name)),
    ),
  );
}

/** Real engines in place of the embedded ones are the choice of who runs the tests. */
const ENGINE_VARIABLES: ReadonlySet<string> = new Set([
  "GWO_POSTGRES_URL",
  "GWO_REDIS_URL",
  "GWO_CLICKHOUSE_URL",
]);

export type LeftProcess = { readonly pid: number; readonly command: string };

/** Living processes that name the directory in their command line or environment, zombies left out. */
export function processesOf(directory: string): LeftProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const command = procFile(name, "cmdline").replaceAll("\0", " ").trim();
      const isNamed =
        command.includes(directory) || procFile(name, "environ").includes(`${directory}/`);
      return isNamed && command !== "" ? [{ pid: Number(name), command }] : [];
    });
}

/** A file below /proc, empty when the process is gone or not ours to look at. */
function procFile(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
