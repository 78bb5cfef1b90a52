import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BenchError } from "./bench-error.ts";
import { runToEnd } from "./child.ts";

/** What is used of stack.json. */
export type StackFile = {
  readonly gatewayUrl: string;
  readonly apiKey: string;
  readonly admin: { readonly email: string; readonly password: string };
  readonly processes: readonly { readonly name: string; readonly pid: number }[];
};

/** A stack of our own. */
export type GatewayStack = {
  readonly file: StackFile;
  /** Pids of the processes with such names, as they are now. */
  readonly pids: (name: RegExp) => number[];
  readonly stop: () => Promise<void>;
};

/** The primary and all workers: who carries calls. */
export const GATEWAY_PROCESSES = /^gateway(-worker-\d+)?$/;

const GWO = fileURLToPath(new URL("../../cli/bin/gwo.mjs", import.meta.url));

/** Starts a stack on a directory of its own, with free ports, and waits until it is ready. */
export async function startStack(options: {
  readonly directory: string;
  /** Workers of the gateway. */
  readonly workers: number;
  /** NODE_OPTIONS of its processes. Empty: none. */
  readonly nodeOptions: string;
  readonly env: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): Promise<GatewayStack> {
  const { directory, signal } = options;
  const env: NodeJS.ProcessEnv = { ...cleanEnvironment(), ...options.env };
  if (options.nodeOptions !== "") env["NODE_OPTIONS"] = options.nodeOptions;
  const stop = async (): Promise<void> => {
    await runToEnd(process.execPath, [GWO, "down", "--data", directory], {
      env: cleanEnvironment(),
    });
  };
  try {
    const { code, stdout, stderr } = await runToEnd(
      process.execPath,
      [
        ...[GWO, "up", "--detach", "--ports", "auto", "--data", directory],
        ...["--workers", String(options.workers)],
      ],
      { env, signal },
    );
    if (code !== 0)
      throw new BenchError(
        `the stack does not start: ${(stderr || stdout).trim()}`,
        "Try it: npm run gwo -- up --detach --ports auto --data /tmp/other",
      );
    return { file: readStack(directory), pids: (name) => pidsOf(directory, name), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function pidsOf(directory: string, name: RegExp): number[] {
  return readStack(directory)
    .processes.filter((process) => name.test(process.name))
    .map(({ pid }) => pid);
}

function readStack(directory: string): StackFile {
  return JSON.parse(readFileSync(join(directory, "stack.json"), "utf8")) as StackFile;
}

/** Our environment without what would change the stack: what is measured is what everyone gets. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith("GWO_") && name !== "NODE_OPTIONS",
    ),
  );
}
