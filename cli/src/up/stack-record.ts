import { rmSync, watch } from "node:fs";
import { readJsonFile } from "../private-file.ts";
import { writeChildren } from "../supervise/children.ts";
import type { Layout } from "./layout.ts";
import {
  inStopOrder,
  removeStackFile,
  workersFrom,
  writeStackFile,
  type Stack,
  type StackProcess,
} from "./stack-file.ts";

/** Who is alive, kept in files for those outside: stack.json once ready, children.json from the first process on. */
export type StackRecord = {
  /** Notes a process; a later one of the same name replaces it. */
  readonly note: (process: StackProcess) => void;
  /** Begins to publish the stack. */
  publish(stack: Omit<Stack, "processes">): Stack;
  /** Forgets everything: the stack has stopped. */
  close(): void;
};

export function createStackRecord(layout: Layout): StackRecord {
  const processes = new Map<string, StackProcess>();
  let workers: StackProcess[] = [];
  let published: Omit<Stack, "processes"> | undefined;
  // Those of a stack that was killed are not ours.
  rmSync(layout.workersFile, { force: true });
  const watcher = watch(layout.gateway, (_, name) => {
    if (name === null || name === "workers.json") readWorkers();
  });
  return {
    note(process) {
      processes.set(process.name, process);
      write();
    },
    publish(stack) {
      published = stack;
      readWorkers();
      return write() ?? { ...stack, processes: [] };
    },
    close() {
      watcher.close();
      published = undefined;
      removeStackFile(layout.stackFile);
      rmSync(layout.childrenFile, { force: true });
      rmSync(layout.workersFile, { force: true });
    },
  };

  /** The gateway replaces the file whenever it replaces a worker. */
  function readWorkers(): void {
    try {
      workers = workersFrom(readJsonFile(layout.workersFile));
      write();
    } catch {
      // Half written: the next event brings the rest.
    }
  }

  function write(): Stack | undefined {
    const all = inStopOrder([...processes.values(), ...workers]);
    writeChildren(layout.childrenFile, all);
    if (published === undefined) return undefined;
    const stack = { ...published, processes: all };
    writeStackFile(layout.stackFile, stack);
    return stack;
  }
}
