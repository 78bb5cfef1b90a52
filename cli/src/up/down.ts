import { setTimeout as delay } from "node:timers/promises";
import { isRunning } from "@gatewayops/engines/process-identity";
import { Problem } from "../problem.ts";
import { livingChildren, stopLeftovers } from "../supervise/children.ts";
import { layoutOf, logFileOf } from "./layout.ts";
import { removeStackFile } from "./stack-file.ts";
import { supervisorOf } from "./stack-lock.ts";

/** The slowest orderly stop: each of four steps may use up its deadline. */
const TIMEOUT_MS = 90_000;

/** Stops the stack of a data directory and says what was done. */
export async function runDown(directory: string): Promise<string> {
  const layout = layoutOf(directory);
  const began = performance.now();
  const supervisor = supervisorOf(directory);
  const children = livingChildren(layout.childrenFile);
  if (supervisor === undefined) {
    if (children.length === 0) return `No stack runs on ${directory}.`;
    await stopLeftovers(children);
    removeStackFile(layout.stackFile);
    return `Stopped ${String(children.length)} processes that a killed stack had left.`;
  }
  process.kill(supervisor.pid, "SIGTERM");
  while (isRunning(supervisor)) {
    if (performance.now() - began > TIMEOUT_MS)
      throw new Problem(
        `the stack (process ${String(supervisor.pid)}) has not stopped after ${String(TIMEOUT_MS / 1000)} s`,
        `Read ${logFileOf(layout, "stack")}; kill ${String(supervisor.pid)} once more to kill everything at once.`,
      );
    await delay(50);
  }
  const left = children.filter(isRunning);
  if (left.length > 0)
    throw new Problem(
      `${left.map(({ name, pid }) => `${name} (${String(pid)})`).join(", ")} still runs`,
      "Run gwo down again.",
    );
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  return `Stopped the stack on ${directory}: ${String(children.length)} processes in ${seconds} s.`;
}
