import { linkSync, readFileSync, rmSync, writeFileSync, renameSync } from "node:fs";
import { join } from "node:path";

import { EngineError } from "./engine.ts";
import { identityOf, isRunning, type ProcessIdentity } from "./process-identity.ts";

/** One process's claim on a directory. It ends with the process, even by `kill -9`. */
export type DirectoryLock = {
  /** Names the process the claim now stands for: a child that was started under it. */
  handTo(pid: number): void;
  /** Gives the directory back, if the claim is still ours. Idempotent. */
  release(): void;
};

const FILE = "engine.lock";

/**
 * Claims `directory` for this process.
 *
 * The claim is the file `engine.lock`; a claim whose process has ended is taken over.
 *
 * @throws EngineError when a live process holds it.
 */
export function lockDirectory(directory: string, purpose: string): DirectoryLock {
  const path = join(directory, FILE);
  let text = claimText(process.pid);
  for (let attempt = 0; !tryClaim(path, text); attempt += 1) {
    const holder = holderOf(path);
    if (holder !== undefined && isRunning(holder)) throw lockedError(directory, purpose, holder);
    if (attempt >= 20) throw lockedError(directory, purpose, holder);
    removeIfHeldBy(path, holder);
  }
  return {
    handTo(pid) {
      text = claimText(pid);
      const draft = draftOf(path);
      writeFileSync(draft, text);
      renameSync(draft, path);
    },
    release() {
      if (readOr(path) === text) rmSync(path, { force: true });
    },
  };
}

/** Links a complete file into place, so that nobody ever reads half a claim. */
function tryClaim(path: string, text: string): boolean {
  const draft = draftOf(path);
  writeFileSync(draft, text);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Moves a dead claim aside before deleting it. Of two processes that find the same dead claim one
 * could otherwise delete the other's new one; what was moved is checked and put back if it is not
 * the dead claim.
 */
function removeIfHeldBy(path: string, holder: ProcessIdentity | undefined): void {
  const aside = `${path}.dead-${String(process.pid)}`;
  try {
    renameSync(path, aside);
    const moved = holderOf(aside);
    if (moved?.pid !== holder?.pid || moved?.startMark !== holder?.startMark) linkSync(aside, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // Another process was quicker to remove it (ENOENT) or to claim it (EEXIST).
    if (code !== "ENOENT" && code !== "EEXIST") throw error;
  }
  rmSync(aside, { force: true });
}

function holderOf(path: string): ProcessIdentity | undefined {
  try {
    const value = JSON.parse(readOr(path)) as Partial<ProcessIdentity>;
    if (typeof value.pid !== "number" || typeof value.startMark !== "string") return undefined;
    return { pid: value.pid, startMark: value.startMark };
  } catch {
    // Empty after a machine crash: nobody's claim.
    return undefined;
  }
}

function lockedError(
  directory: string,
  purpose: string,
  holder: ProcessIdentity | undefined,
): EngineError {
  const pid = holder === undefined ? "another process" : `process ${String(holder.pid)}`;
  return new EngineError(
    `${purpose}: ${directory} is in use by ${pid}`,
    holder === undefined
      ? "Try again, or use another data directory (--data DIR)."
      : `Stop it (gwo down, or kill ${String(holder.pid)}), or use another data directory ` +
          "(--data DIR).",
  );
}

let drafts = 0;

function draftOf(path: string): string {
  drafts += 1;
  return `${path}.${String(process.pid)}-${String(drafts)}`;
}

function claimText(pid: number): string {
  return JSON.stringify(identityOf(pid)) + "\n";
}

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Gone in the meantime.
    return "";
  }
}
