import {
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";

/** Bytes a log may have before its beginning is put aside. */
const MAX_BYTES = 10 * 1024 * 1024;
const TAIL_BYTES = 16 * 1024;

/**
 * Puts every large log of a directory aside as `NAME.1`, replacing the older one, and empties it in
 * place: processes that hold it open append, so they go on at its new beginning.
 */
export function rotateLogs(directory: string, maxBytes = MAX_BYTES): void {
  for (const name of logNames(directory)) {
    const file = join(directory, name);
    if (statSync(file).size <= maxBytes) continue;
    copyFileSync(file, `${file}.1`);
    truncateSync(file);
  }
}

/** The last lines of a log, of which those from `offset` on. Empty when there is none. */
export function tailOfLog(file: string, offset = 0, lines = 12): string {
  let descriptor: number;
  try {
    descriptor = openSync(file, "r");
  } catch {
    // Nothing was written yet.
    return "";
  }
  try {
    const { size } = fstatSync(descriptor);
    const from = Math.max(offset <= size ? offset : 0, size - TAIL_BYTES);
    const bytes = Buffer.alloc(size - from);
    readSync(descriptor, bytes, 0, bytes.length, from);
    const text = bytes.toString("utf8").trimEnd();
    return text.split("\n").slice(-lines).map(readableLine).join("\n");
  } finally {
    closeSync(descriptor);
  }
}

/** A line of a JSON log as its level, message and error; any other line as it is. */
function readableLine(line: string): string {
  if (!line.startsWith("{")) return line;
  try {
    const { level, message, err } = JSON.parse(line) as {
      level?: unknown;
      message?: unknown;
      err?: { message?: unknown };
    };
    if (typeof message !== "string") return line;
    const cause = err?.message;
    const more = typeof cause === "string" && !message.includes(cause) ? `: ${cause}` : "";
    return `${String(level)}: ${message}${more}`;
  } catch {
    // Cut off at its beginning, or no JSON at all.
    return line;
  }
}

/** Bytes in a log, to read on from there. */
export function sizeOfLog(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function logNames(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(".log"));
  } catch {
    // The directory is made with the first log.
    return [];
  }
}
