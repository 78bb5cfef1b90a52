import { setTimeout as delay } from "node:timers/promises";
import { identityOf, isRunning, type ProcessIdentity } from "@gatewayops/engines/process-identity";
import { readJsonFile, writePrivateFile } from "../private-file.ts";
import { inStopOrder, stopRank } from "../up/stack-file.ts";

/** A process of the stack as it can be recognised after we died: pids are reused. */
export type Child = ProcessIdentity & { readonly name: string };

/** Notes who is alive, for whoever has to stop them after us. */
export function writeChildren(
  file: string,
  processes: readonly { readonly name: string; readonly pid: number }[],
): void {
  const children = processes.map(({ name, pid }) => ({ name, ...identityOf(pid) }));
  writePrivateFile(file, JSON.stringify(children));
}

/** The noted processes that still run, in the order in which they are stopped. */
export function livingChildren(file: string): Child[] {
  let noted: unknown;
  try {
    noted = readJsonFile(file);
  } catch {
    // Damaged: nobody can be told to be ours.
    return [];
  }
  return Array.isArray(noted) ? inStopOrder((noted as Child[]).filter(isRunning)) : [];
}

/** Milliseconds the processes of one step have before they are killed. */
const STEP_MS = 10_000;

/** Stops processes that are not our children: in order, step by step, those that do not end by force. */
export async function stopLeftovers(children: readonly Child[]): Promise<void> {
  for (const rank of new Set(children.map(({ name }) => stopRank(name)))) {
    const step = children.filter(({ name }) => stopRank(name) === rank);
    for (const child of step) signal(child, child.name === "postgres" ? "SIGINT" : "SIGTERM");
    const deadline = performance.now() + STEP_MS;
    while (step.some(isRunning) && performance.now() < deadline) await delay(30);
    for (const child of step.filter(isRunning)) signal(child, "SIGKILL");
    while (step.some(isRunning)) await delay(30);
  }
}

function signal(child: Child, name: NodeJS.Signals): void {
  try {
    if (isRunning(child)) process.kill(child.pid, name);
  } catch {
    // It ended in between.
  }
}
