import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Problem } from "../problem.ts";
import type { Exit, Running } from "./running.ts";

/** A Node program to run. */
export type NodeProgram = {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Output is appended here. */
  readonly logFile: string;
  readonly url: string;
  /** True once the program does its work. Asked every few milliseconds until then. */
  readonly isUp: () => Promise<boolean>;
  /** Milliseconds it may take to stop before it is killed. */
  readonly stopMs: number;
};

const POLL_MS = 40;

/**
 * Starts a program of ours with our own Node. It stays in our process group, so a kill of the group
 * ends it with us; its owner must stop it otherwise.
 */
export async function startNodeProgram(program: NodeProgram): Promise<Running> {
  mkdirSync(dirname(program.logFile), { recursive: true });
  const log = openSync(program.logFile, "a", 0o600);
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", ...program.args],
    {
      cwd: program.cwd,
      env: program.env,
      stdio: ["ignore", log, log],
    },
  );
  closeSync(log);
  let ended = false;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = true;
      resolve({ code, signal });
    });
  });
  const failure = await new Promise<Error | undefined>((resolve) => {
    child.once("spawn", () => {
      resolve(undefined);
    });
    child.once("error", resolve);
  });
  if (failure !== undefined || child.pid === undefined)
    throw new Problem(
      `${program.name} cannot be started: ${failure?.message ?? "no pid"}`,
      "Check that this machine has memory and processes left (free, ulimit -u).",
      { cause: failure },
    );
  // A failed kill() emits "error" too; the exit is what counts.
  child.on("error", () => undefined);
  return {
    pid: child.pid,
    url: program.url,
    exited,
    up: pollUntilUp(),
    async stop() {
      if (ended) return false;
      child.kill("SIGTERM");
      let killed = false;
      const killer = setTimeout(() => {
        killed = child.kill("SIGKILL");
      }, program.stopMs);
      await exited;
      clearTimeout(killer);
      return killed;
    },
    kill() {
      child.kill("SIGKILL");
    },
  };

  async function pollUntilUp(): Promise<boolean> {
    while (!ended) {
      if (await program.isUp()) return true;
      await delay(POLL_MS);
    }
    return false;
  }
}
