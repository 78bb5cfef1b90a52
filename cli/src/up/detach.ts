import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { constants } from "node:os";
import { GWO_PROGRAM } from "../checkout.ts";
import { Problem } from "../problem.ts";
import { layoutOf, logFileOf } from "./layout.ts";
import { standardRenderer, type SupervisorMessage } from "./report.ts";
import type { UpOptions } from "./up-options.ts";

/** Starts a stack in the background, shows its progress and returns once it is ready, with the exit code. */
export async function runDetached(options: UpOptions): Promise<number> {
  const layout = layoutOf(options.directory);
  const logFile = logFileOf(layout, "stack");
  const log = openLog(layout.logs, logFile);
  const child = spawn(process.execPath, supervisorArgs(options), {
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  for (const name of SIGNALS) process.on(name, () => child.kill(name));
  const code = await firstWords(child, logFile);
  if (child.connected) child.disconnect();
  child.unref();
  return code;
}

/**
 * Starts a stack for a terminal, in a process group of its own: Ctrl-C reaches this process only,
 * which passes it on once, and not every process of the stack at the same time.
 */
export async function runInTerminal(options: UpOptions): Promise<number> {
  const child = spawn(process.execPath, supervisorArgs(options), {
    detached: true,
    stdio: "inherit",
  });
  for (const name of SIGNALS) process.on(name, () => child.kill(name));
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => {
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

function supervisorArgs(options: UpOptions): string[] {
  return [
    "--disable-warning=ExperimentalWarning",
    ...[GWO_PROGRAM, "up", "--foreground", "--data", options.directory],
    ...["--workers", String(options.workers)],
    ...(options.portMode === undefined ? [] : ["--ports", options.portMode]),
  ];
}

function openLog(directory: string, file: string): number {
  try {
    mkdirSync(directory, { recursive: true });
    return openSync(file, "a", 0o600);
  } catch (cause) {
    throw new Problem(
      `${file} cannot be written (${String((cause as NodeJS.ErrnoException).code)})`,
      "Make the folder writable for this user, or choose another: gwo up --data DIR",
      { cause },
    );
  }
}

function firstWords(child: ChildProcess, logFile: string): Promise<number> {
  const render = standardRenderer();
  let told = false;
  return new Promise((resolve) => {
    child.on("message", (message: SupervisorMessage) => {
      if (message.kind === "progress") render(message.event);
      else if (message.kind === "failed") {
        told = true;
        process.stderr.write(`${message.text}\n`);
      } else {
        process.stdout.write(message.text);
        resolve(0);
      }
    });
    child.once("exit", (code, signal) => {
      // Its last words may still be on their way.
      if (child.connected) child.once("disconnect", tellEnd);
      else tellEnd();

      function tellEnd(): void {
        if (!told && code !== 0)
          process.stderr.write(
            `gwo: the stack ended while starting (${signal ?? `code ${String(code)}`})\n  next step: read ${logFile}\n`,
          );
        resolve(code === 0 ? 130 : 1);
      }
    });
  });
}
