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

/** CPU time of children that have ended and were waited for, user and system, in microseconds: what our loads took. */
export function endedChildrenUs(): number {
  return ticksFrom(read(process.pid, "stat"), ENDED_CHILDREN) * TICK_US;
}

/** CPU time that the whole machine has spent on anything, in microseconds. */
export function machineBusyUs(): number {
  return busyTicksFrom(readFileSync("/proc/stat", "utf8")) * TICK_US;
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

/** Fields of /proc/PID/stat with user time; system time follows (proc_pid_stat(5)). */
const OWN = 14;
const ENDED_CHILDREN = 16;

/** User and system ticks in the text of /proc/PID/stat, from a field and the one after it. */
export function ticksFrom(stat: string, field: number = OWN): number {
  // The name in field 2 may hold spaces and brackets; what follows it begins with field 3.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[field - 3]) + Number(fields[field - 2]);
  if (!Number.isInteger(ticks)) throw new Error(`this is no /proc/PID/stat: ${stat}`);
  return ticks;
}

/** Ticks in which a processor worked, in the text of /proc/stat: all but idle, iowait, and guests counted twice. */
export function busyTicksFrom(stat: string): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] =
    /^cpu +([\d ]+)$/m.exec(stat)?.[1]?.split(" ").map(Number) ?? [];
  return user + nice + system + irq + softirq + steal;
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
