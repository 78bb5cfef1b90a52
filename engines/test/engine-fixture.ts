import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { EngineHandle, EngineOptions } from "../src/engine.ts";

/** A directory for one test file, with every engine started through it. */
export type Fixture = {
  options(name: string): EngineOptions;
  start(starting: Promise<EngineHandle>): Promise<EngineHandle>;
  /** Kills what still runs and removes the directory. */
  dispose(): Promise<void>;
};

export function createFixture(): Fixture {
  const directory = mkdtempSync(join(tmpdir(), "gwo-engine-"));
  const handles: EngineHandle[] = [];
  return {
    options: (name) => ({
      dataDir: join(directory, name),
      port: 0,
      logFile: join(directory, `${name}.log`),
    }),
    async start(starting) {
      const handle = await starting;
      handles.push(handle);
      return handle;
    },
    async dispose() {
      await Promise.all(handles.map((handle) => handle.stop()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function crash(handle: EngineHandle): Promise<void> {
  process.kill(handle.pid, "SIGKILL");
  await handle.exited;
}

export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // ESRCH: it has ended.
    return false;
  }
}
