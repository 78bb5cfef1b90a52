import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gwoProgram, OWN_STACK_VARIABLE, stackEnvironment } from "./own-stack.ts";
import { STACK_VARIABLE } from "./stack.ts";

/** A first start unpacks Redis, builds the console and may wait for a busy machine. */
const START_MS = 240_000;

/** Starts the stack that all end-to-end tests share, unless GWO_STACK names one that runs already. */
// eslint-disable-next-line no-restricted-syntax -- Jest calls the default export.
export default async function startStack(): Promise<void> {
  if ((process.env[STACK_VARIABLE] ?? "") !== "") return;
  const data = join(mkdtempSync(join(tmpdir(), "gwo-e2e-")), "data");
  // Set before the start: what a failed start leaves behind is stopped by the teardown as well.
  process.env[OWN_STACK_VARIABLE] = data;
  process.env[STACK_VARIABLE] = join(data, "stack.json");
  const args = [
    gwoProgram(),
    "up",
    "--detach",
    "--ports",
    "auto",
    "--workers",
    "2",
    "--data",
    data,
  ];
  try {
    await promisify(execFile)(process.execPath, args, {
      env: stackEnvironment(),
      timeout: START_MS,
    });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`gwo up did not start a stack for the tests:\n${stdout}${stderr}`, {
      cause: error,
    });
  }
}
