import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { gwoProgram, OWN_STACK_VARIABLE, processesOf, stackEnvironment } from "./own-stack.ts";
import { waitFor } from "./stack.ts";

const STOP_MS = 100_000;
/** Milliseconds for the last process to be reaped after `gwo down` has returned. */
const GONE_MS = 2_000;

/** Stops the stack that the set-up started. Fails when a process of it remains, and names it. */
// eslint-disable-next-line no-restricted-syntax -- Jest calls the default export.
export default async function stopStack(): Promise<void> {
  const data = process.env[OWN_STACK_VARIABLE];
  if (data === undefined) return;
  await promisify(execFile)(process.execPath, [gwoProgram(), "down", "--data", data], {
    env: stackEnvironment(),
    timeout: STOP_MS,
  });
  try {
    await waitFor("no process of the stack is left", GONE_MS, () =>
      processesOf(data).length === 0 ? true : undefined,
    );
  } catch {
    const left = processesOf(data).map(({ pid, command }) => `${String(pid)}  ${command}`);
    throw new Error(`gwo down left processes of ${data} behind:\n${left.join("\n")}`);
  }
  rmSync(dirname(data), { recursive: true, force: true });
}
