import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { choosePort, LOOPBACK } from "@gatewayops/engines/ports";
import { BenchError } from "./bench-error.ts";
import { endChild } from "./child.ts";
import { fillTemplate } from "./nginx-template.ts";
import { withChildren } from "./proc.ts";
import type { Program } from "./programs.ts";

export type Nginx = {
  readonly origin: string;
  /** Master and worker. */
  readonly pids: () => number[];
  readonly stop: () => Promise<void>;
};

const STOP_MS = 3_000;
const START_MS = 10_000;

/** Starts an nginx with one of the committed configurations. */
export async function startNginx(options: {
  readonly program: Program;
  /** Its own directory; made here. */
  readonly directory: string;
  readonly template: URL;
  /** Words of the template beside LISTEN and DIRECTORY. */
  readonly words: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}): Promise<Nginx> {
  const { directory } = options;
  mkdirSync(directory, { recursive: true });
  const listen = `${LOOPBACK}:${await choosePort(0, "nginx")}`;
  const template = readFileSync(options.template, "utf8");
  const file = join(directory, "nginx.conf");
  writeFileSync(
    file,
    fillTemplate(template, { ...options.words, DIRECTORY: directory, LISTEN: listen }),
  );
  const errorLog = join(directory, "error.log");
  const child = spawn(
    options.program.file,
    ["-p", directory, "-c", file, "-e", errorLog],
    // A group of its own: Ctrl-C must not end it before we do.
    { env: options.program.env, stdio: "ignore", detached: true },
  );
  const ended = new AbortController();
  for (const event of ["exit", "error"]) child.once(event, () => ended.abort());
  const origin = `http://${listen}`;
  const deadline = performance.now() + START_MS;
  while (!(await answers(origin))) {
    if (!ended.signal.aborted && performance.now() < deadline && !options.signal.aborted) {
      await delay(20);
      continue;
    }
    await endChild(child, STOP_MS);
    options.signal.throwIfAborted();
    throw new BenchError(
      `nginx does not start: ${tailOf(errorLog)}`,
      `Try it: ${options.program.file} -t -c ${file}`,
    );
  }
  const pid = child.pid ?? 0;
  return { origin, pids: () => withChildren(pid), stop: () => endChild(child, STOP_MS) };
}

async function answers(origin: string): Promise<boolean> {
  try {
    await (await fetch(origin)).arrayBuffer();
    return true;
  } catch {
    return false; // It does not listen yet.
  }
}

function tailOf(file: string): string {
  try {
    return readFileSync(file, "utf8").trim().split("\n").at(-1) ?? "";
  } catch {
    return "it has written no log";
  }
}
