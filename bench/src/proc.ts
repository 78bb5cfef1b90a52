import { readdirSync, readFileSync } from "node:fs";
import { BenchError } from "./bench-error.ts";

/** Microseconds of one tick in which /proc counts CPU time: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_US = 10_000;

/**
 * CPU time of processes since they began, user and system, in microseconds. It comes in steps of 10 ms.
 *
 * @throws BenchError when one of them has ended
 */
export function cpuTimeUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + ticksFrom(read(pid, "stat")) * TICK_US, 0);
}

/** Resident memory of processes in bytes; pages that they share count for each. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + residentFrom(read(pid, "status")), 0);
}

/** A process and its children, as they are now. */
export function withChildren(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    read(pid, `task/${task}/children`).split(" ").filter(Boolean).map(Number),
  );
  return [pid, ...children];
}

/** User and system ticks in the text of /proc/PID/stat (proc_pid_stat(5), fields 14 and 15). */
export function ticksFrom(stat: string): number {
  // The name in field 2 may hold spaces and brackets; what follows it begins with field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isInteger(ticks)) throw new Error(`this is no /proc/PID/stat: ${stat}`);
  return ticks;
}

/** VmRSS in the text of /proc/PID/status, in bytes. 0: a process without memory of its own. */
export function residentFrom(status: string): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(status);
  return line ? Number(line[1]) * 1024 : 0;
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    throw new BenchError(
      `process ${pid}, which is measured, has ended`,
      "Look for its end in the logs; a run in which a process dies does not count.",
      { cause: error },
    );
  }
}
