import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The process that listens on a port, when it can be told: "node (pid 4711)". */
export function holderOfPort(port: number): string | undefined {
  const inodes = new Set(
    ["/proc/net/tcp", "/proc/net/tcp6"].flatMap((file) => listening(file, port)),
  );
  if (inodes.size === 0) return undefined;
  for (const pid of entries("/proc").filter((name) => /^\d+$/.test(name))) {
    const holds = entries(`/proc/${pid}/fd`).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
    if (holds) return `${textOf(`/proc/${pid}/comm`).trim()} (pid ${pid})`;
  }
  return undefined;
}

/** proc(5): local address is the second field, state 0A is LISTEN, the inode the tenth. */
function listening(file: string, port: number): string[] {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return textOf(file)
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1]?.endsWith(suffix) === true && fields[3] === "0A")
    .flatMap((fields) => fields[9] ?? []);
}

function entries(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Ended, or not ours to look into.
    return [];
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // Closed in the meantime.
    return "";
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Not Linux, or ended.
    return "";
  }
}
