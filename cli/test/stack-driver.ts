import { execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Stack } from "../src/up/stack-file.ts";

/** Where `gwo` lies; jest runs at the checkout's root or in the package. */
const GWO = [process.cwd(), join(process.cwd(), "..")]
  .map((directory) => join(directory, "cli", "bin", "gwo.mjs"))
  .find((file) => isFile(file));

export type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs gwo as a person would and waits for its end. */
export function gwo(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [GWO ?? "", ...args],
      { env: cleanEnvironment(env), maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        resolve({
          code: typeof error?.code === "number" ? error.code : error ? 1 : 0,
          stdout,
          stderr,
        });
      },
    );
  });
}

/** Starts gwo and leaves it running. */
export function gwoInBackground(args: readonly string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, [GWO ?? "", ...args], {
    env: cleanEnvironment({}),
    stdio: ["ignore", "pipe", "pipe"],
  });
}

export function readStack(data: string): Stack {
  return JSON.parse(readFileSync(join(data, "stack.json"), "utf8")) as Stack;
}

/** Calls the tool echo through the REST façade. */
export async function callEcho(stack: Stack, message: string): Promise<Response> {
  return fetch(`${stack.gatewayUrl}/v1/mcp/everything/tools/call`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ tool: "echo", arguments: { message } }),
  });
}

/** True while a process with this pid exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2, stat.lastIndexOf(")") + 3) !== "Z";
  } catch {
    return false;
  }
}

/** Waits until the probe answers something. */
export async function eventually<T>(
  probe: () => T | undefined | Promise<T | undefined>,
  timeoutMs: number,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await probe();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline)
      throw new Error(`nothing came of it in ${String(timeoutMs)} ms`);
    await delay(20);
  }
}

/** The environment without what a stack around the tests, or jest, has put there. */
function cleanEnvironment(extra: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !name.startsWith("GWO_") && name !== "NODE_OPTIONS" && name !== "NODE_CHANNEL_FD",
  );
  return { ...Object.fromEntries(kept), ...extra };
}

function isFile(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
