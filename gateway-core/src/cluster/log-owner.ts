import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "owner";

/** Says in a log's directory which process writes it. */
export function claimLog(directory: string): void {
  writeFileSync(join(directory, FILE), identityOf(process.pid) ?? "");
}

/** True while the process that claimed the log lives. A reused pid is told apart by its start time. */
export function isLogOwned(directory: string): boolean {
  let owner: string;
  try {
    owner = readFileSync(join(directory, FILE), "utf8");
  } catch {
    return false; // never claimed: its worker died before it wrote anything
  }
  return owner !== "" && identityOf(Number(owner.split(" ")[0])) === owner;
}

export const OWNER_FILE = FILE;

/** "{pid} {start time}", undefined when there is no such process. Without /proc the pid alone. */
function identityOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The start time is field 22; the name in field 2 may hold anything, so count from its closing bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : `${pid} ${fields[19] ?? ""}`;
  } catch {
    return process.platform === "linux" ? undefined : aliveWithoutProc(pid);
  }
}

function aliveWithoutProc(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
    return `${pid} `;
  } catch {
    return undefined; // no such process
  }
}
