import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "@gatewayops/engines/engine";
import { lockDirectory, type DirectoryLock } from "@gatewayops/engines/directory-lock";
import { CHECKOUT } from "../checkout.ts";
import { Problem } from "../problem.ts";
import { tailOfLog } from "../supervise/log-files.ts";

const CONSOLE = join(CHECKOUT, "console");
const DIST = join(CONSOLE, "dist");
/** What the gateway serves. */
export const CONSOLE_DIRECTORY = join(DIST, "browser");
const HASH_FILE = join(DIST, "browser.hash");
/** What the build reads. */
const SOURCES = [
  "console/src",
  "console/public",
  "console/angular.json",
  "console/tsconfig.json",
  "console/package.json",
  "proto/gen",
  "package-lock.json",
];

/** True when the built console is that of the present sources. */
export function consoleIsBuilt(): boolean {
  return builtHash() === sourcesHash();
}

/**
 * Builds the console. Of several starts at once one builds and the others wait. The new build replaces
 * the old one at the end, so a gateway that serves the old one never serves half of one.
 *
 * @throws Problem when the build fails; an older build is left in place
 */
export async function buildConsole(logFile: string, signal: AbortSignal): Promise<void> {
  mkdirSync(DIST, { recursive: true });
  const lock = await waitForLock(signal);
  try {
    const hash = sourcesHash();
    if (builtHash() === hash) return;
    const next = join(DIST, "next");
    rmSync(next, { recursive: true, force: true });
    await runBuild(next, logFile, signal);
    rmSync(CONSOLE_DIRECTORY, { recursive: true, force: true });
    renameSync(join(next, "browser"), CONSOLE_DIRECTORY);
    writeFileSync(HASH_FILE, hash);
    rmSync(next, { recursive: true, force: true });
  } finally {
    lock.release();
  }
}

async function runBuild(output: string, logFile: string, abort: AbortSignal): Promise<void> {
  const ng = join(CHECKOUT, "node_modules", "@angular", "cli", "bin", "ng.js");
  const log = openSync(logFile, "w", 0o600);
  const child = spawn(
    process.execPath,
    [ng, "build", "--progress=false", "--output-path", output],
    {
      cwd: CONSOLE,
      env: { ...process.env, NG_CLI_ANALYTICS: "false", CI: "1" },
      stdio: ["ignore", log, log],
      signal: abort,
    },
  );
  // An aborted child emits "error" as well; its exit is what counts.
  child.on("error", () => undefined);
  closeSync(log);
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (code === 0 && existsSync(join(output, "browser", "index.html"))) return;
  throw new Problem(
    `the console's build failed (${signal ?? `code ${String(code)}`}):\n${tailOfLog(logFile)}`,
    `Read ${logFile}; cd console && npx ng build shows the same.`,
  );
}

async function waitForLock(signal: AbortSignal): Promise<DirectoryLock> {
  for (;;) {
    try {
      return lockDirectory(DIST, "console build");
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      await delay(300, undefined, { signal });
    }
  }
}

function builtHash(): string | undefined {
  if (!existsSync(join(CONSOLE_DIRECTORY, "index.html"))) return undefined;
  return existsSync(HASH_FILE) ? readFileSync(HASH_FILE, "utf8") : undefined;
}

function sourcesHash(): string {
  const hash = createHash("sha256");
  for (const source of SOURCES) addTree(join(CHECKOUT, source));
  return hash.digest("hex");

  function addTree(path: string): void {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.isDirectory()) {
      for (const name of readdirSync(path).sort()) addTree(join(path, name));
    } else if (!path.endsWith(".test.ts")) {
      hash.update(path.slice(CHECKOUT.length)).update("\0").update(readFileSync(path)).update("\0");
    }
  }
}
