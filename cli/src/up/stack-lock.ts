import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { lockDirectory, type DirectoryLock } from "@gatewayops/engines/directory-lock";
import { EngineError } from "@gatewayops/engines/engine";
import { isRunning, type ProcessIdentity } from "@gatewayops/engines/process-identity";
import { readJsonFile } from "../private-file.ts";
import { Problem } from "../problem.ts";

/** Claims a data directory for this stack. A claim ends with its process, even by `kill -9`. */
export function lockStack(directory: string): DirectoryLock {
  try {
    mkdirSync(directory, { recursive: true });
    return lockDirectory(directory, "GatewayOps");
  } catch (error) {
    const holder = supervisorOf(directory);
    if (error instanceof EngineError && holder !== undefined)
      throw new Problem(
        `a stack already runs on ${directory} (process ${String(holder.pid)})`,
        `See it: gwo status. Stop it: gwo down. Run another beside it: gwo up --data DIR --ports auto. ` +
          `(With --data ${directory} where that is not the default.)`,
        { cause: error },
      );
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== undefined)
      throw new Problem(
        `${directory} cannot be used (${code})`,
        "Make it writable for this user, or choose another: gwo up --data DIR",
        { cause: error },
      );
    throw error;
  }
}

/** The live process that has claimed a data directory; undefined when none has. */
export function supervisorOf(directory: string): ProcessIdentity | undefined {
  try {
    const holder = readJsonFile(join(directory, "engine.lock")) as ProcessIdentity | undefined;
    return holder !== undefined && isRunning(holder) ? holder : undefined;
  } catch {
    // Damaged by a crash of the machine: nobody's claim.
    return undefined;
  }
}
