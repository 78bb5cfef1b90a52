import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";

import { EngineError, type EngineExit } from "./engine.ts";

export type EngineCommand = {
  /** The engine's name as a reader of an error knows it: `PostgreSQL`. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Output is appended here; the descriptor is inherited, so the engine outlives our reading. */
  readonly logFile: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Opens a message channel to a Node child. */
  readonly ipc?: boolean;
};

/** A started child process, before anybody knows whether it became ready. */
export type EngineProcess = {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly exited: Promise<EngineExit>;
  /** True once the process has ended. */
  hasExited(): boolean;
  /** Sends `signal`, waits `graceMs`, then SIGKILL. Resolves when the process is gone. */
  stop(signal: NodeJS.Signals, graceMs: number): Promise<void>;
  /** The last lines this run wrote to its log, for an error message. */
  logTail(): string;
};

/**
 * Starts the engine in a process group of its own, so that a Ctrl-C in the terminal reaches only
 * its owner, who stops the engines in order.
 *
 * @throws EngineError when the binary is missing or not executable.
 */
export async function startProcess(command: EngineCommand): Promise<EngineProcess> {
  mkdirSync(dirname(command.logFile), { recursive: true });
  const log = openSync(command.logFile, "a+");
  const logStart = fstatSync(log).size;
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: command.ipc === true ? ["ignore", log, log, "ipc"] : ["ignore", log, log],
    ...(command.uid === undefined ? {} : { uid: command.uid }),
    ...(command.gid === undefined ? {} : { gid: command.gid }),
  });
  closeSync(log);
  const spawned = await new Promise<Error | undefined>((resolve) => {
    child.once("spawn", () => {
      resolve(undefined);
    });
    child.once("error", resolve);
  });
  if (spawned !== undefined || child.pid === undefined) throw notStarted(command, spawned);
  // A failed kill() also emits "error"; the exit is what we act on.
  child.on("error", () => undefined);

  let ended = false;
  const exited = new Promise<EngineExit>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = true;
      resolve({ code, signal });
    });
  });
  return {
    child,
    pid: child.pid,
    exited,
    hasExited: () => ended,
    async stop(signal, graceMs) {
      if (ended) return;
      child.kill(signal);
      const killer = setTimeout(() => child.kill("SIGKILL"), graceMs);
      await exited;
      clearTimeout(killer);
    },
    logTail: () => tailOf(command.logFile, logStart),
  };
}

/** Waits until `isReady` answers true. Throws EngineError when the process ends or time runs out. */
export async function waitUntilReady(
  name: string,
  engine: EngineProcess,
  options: { readonly timeoutMs: number; readonly logFile: string },
  isReady: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  while (!(await isReady())) {
    if (engine.hasExited()) throw await endedError(name, engine, options.logFile);
    if (performance.now() > deadline) {
      await engine.stop("SIGKILL", 0);
      throw new EngineError(
        `${name} was not ready after ${String(options.timeoutMs / 1000)} s`,
        `Read ${options.logFile} and start again.`,
      );
    }
    await delay(15);
  }
}

export async function endedError(
  name: string,
  engine: EngineProcess,
  logFile: string,
): Promise<EngineError> {
  const { code, signal } = await engine.exited;
  const how = signal === null ? `code ${String(code)}` : `signal ${signal}`;
  const tail = engine.logTail();
  return new EngineError(
    `${name} ended while starting (${how})${tail === "" ? "" : `:\n${tail}`}`,
    `Read ${logFile}, remove the cause and start again.`,
  );
}

export function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function notStarted(command: EngineCommand, cause: Error | undefined): EngineError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "no pid";
  return new EngineError(
    `${command.name}: ${command.file} cannot be started (${code})`,
    code === "ENOENT"
      ? "The program is missing: remove node_modules and run npm start again."
      : "Check that the file is executable and made for this machine.",
    { cause },
  );
}

const TAIL_BYTES = 4096;
const TAIL_LINES = 6;

function tailOf(path: string, start: number): string {
  const file = openSync(path, "r");
  try {
    const size = fstatSync(file).size;
    const from = Math.max(start, size - TAIL_BYTES);
    const bytes = Buffer.alloc(Math.max(0, size - from));
    readSync(file, bytes, 0, bytes.length, from);
    return bytes.toString("utf8").trim().split("\n").slice(-TAIL_LINES).join("\n");
  } finally {
    closeSync(file);
  }
}
