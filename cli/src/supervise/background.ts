import { readdirSync } from "node:fs";
import { setPriority } from "node:os";

/** How much a process in the background yields to others: 0 as much as they, 19 all that it can (nice(1)). */
const NICE = 10;

/**
 * Lets a process yield to others that want the processor: what an agent waits for goes before what is done with the
 * record of its call afterwards. On a machine with processors to spare it changes nothing.
 */
export function runInBackground(pid: number): void {
  for (const thread of threadsOf(pid)) {
    try {
      setPriority(thread, NICE);
    } catch {
      // The thread, or the process, has just ended. Others were told.
    }
  }
}

/** Linux keeps a priority for each thread; threads begun later take over that of the thread that begins them. */
function threadsOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${String(pid)}/task`).map(Number);
  } catch {
    return [pid]; // No /proc, as on macOS, where a priority is the process's.
  }
}
