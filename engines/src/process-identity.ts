import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * A process as it can be recognised later: its pid, and when it began, because pids are reused.
 * `startMark` is opaque and only compared for equality; empty means "not known".
 */
export type ProcessIdentity = { readonly pid: number; readonly startMark: string };

export function identityOf(pid: number): ProcessIdentity {
  return { pid, startMark: startMarkOf(pid) };
}

/** True while the very process that `identity` was taken from still runs (a zombie does not). */
export function isRunning(identity: ProcessIdentity): boolean {
  if (!pidExists(identity.pid)) return false;
  const mark = startMarkOf(identity.pid);
  if (mark === "zombie") return false;
  return identity.startMark === "" || mark === "" || mark === identity.startMark;
}

/** The program's short name (`postgres`, `node`), or "" when the process is gone or hidden. */
export function programOf(pid: number): string {
  if (process.platform === "linux") return readOr(`/proc/${String(pid)}/comm`).trim();
  return psField(pid, "comm");
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function startMarkOf(pid: number): string {
  if (process.platform !== "linux") return psField(pid, "lstart");
  const stat = readOr(`/proc/${String(pid)}/stat`);
  // proc(5): the command name in parentheses may hold spaces; fields are counted after it, where
  // the state is the third field of the line and the start time the twenty-second.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return "zombie";
  const ticks = fields[19];
  return ticks === undefined ? "" : `${bootId()}:${ticks}`;
}

function bootId(): string {
  return readOr("/proc/sys/kernel/random/boot_id").trim();
}

function psField(pid: number, field: string): string {
  try {
    return execFileSync("ps", ["-o", `${field}=`, "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    // ps exits with 1 for a pid that is gone.
    return "";
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // The process has ended, or /proc hides it.
    return "";
  }
}
