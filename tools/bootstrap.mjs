#!/usr/bin/env node
/**
 * Makes a fresh checkout runnable and then runs something with the right Node.
 *
 *   bootstrap.mjs up ARGS…        start the whole stack in the foreground
 *   bootstrap.mjs gwo ARGS…       run the command line tool
 *   bootstrap.mjs run FILE ARGS…  run a file
 *   bootstrap.mjs npm BIN ARGS…   run a program of node_modules/.bin
 *
 * It runs on the Node that npm happens to have (18 or newer), before anything is installed, so it
 * uses only what Node itself brings. Installed are, when missing: the pinned Node (tools/node), then
 * the packages of package-lock.json. Exit code and signals are the child's.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const NODE_HOME = path.join(ROOT, "tools", "node");
const MARKER = path.join(ROOT, "node_modules", ".gatewayops-lock");
const STATE = path.join(ROOT, ".gatewayops");
const LOCK = path.join(STATE, "bootstrap.lock");
const OLDEST_NODE = [24, 15];
/** Within this time a signal is the same one again: npm repeats what the terminal has sent. */
const SAME_SIGNAL_MS = 400;

/** A failure with its cause and what to do about it. */
class Stop extends Error {
  constructor(message, nextStep) {
    super(message);
    this.nextStep = nextStep;
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Stop)) throw error;
  process.stderr.write(`\ngatewayops: ${error.message}\n  next step: ${error.nextStep}\n`);
  process.exitCode = 1;
}

async function main(args) {
  const [command, ...rest] = args;
  const line = commandLine(command, rest);
  let runtime = findRuntime();
  if (runtime === undefined || !packagesAreCurrent()) {
    await withLock(async () => {
      // The one we waited for may have done it all.
      runtime = findRuntime() ?? (await installRuntime());
      if (!packagesAreCurrent()) await installPackages(runtime);
    });
  }
  const ownGroup = command === "up" || process.stdin.isTTY !== true;
  await runToItsEnd(runtime.node, line, {
    env: environment(runtime),
    stdio: "inherit",
    detached: ownGroup,
  });
}

/** The arguments for Node. */
function commandLine(command, rest) {
  const gwo = path.join(ROOT, "cli", "bin", "gwo.mjs");
  switch (command) {
    case "up":
      return [gwo, "up", "--foreground", ...rest];
    case "gwo":
      return [gwo, ...rest];
    case "run":
      if (rest.length > 0) return [path.resolve(rest[0]), ...rest.slice(1)];
      break;
    case "npm":
      if (rest.length > 0) return [binary(rest[0]), ...rest.slice(1)];
      break;
  }
  throw new Stop(
    `unknown command: ${args0(command, rest)}`,
    "use one of: bootstrap.mjs up | gwo ARGS | run FILE ARGS | npm BIN ARGS",
  );
}

function args0(command, rest) {
  return [command ?? "(none)", ...rest].join(" ");
}

/** npm's links in .bin point at JavaScript files, which our Node can run itself. */
function binary(name) {
  return path.join(ROOT, "node_modules", ".bin", name);
}

/**
 * The Node to use: the running one when it is recent enough, else the pinned one when it is
 * installed. `home` is set for the pinned one only: its headers must serve addons that are built.
 */
function findRuntime() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  const recent = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (recent) return { node: process.execPath };
  const link = path.join(NODE_HOME, "node_modules", ".bin", "node");
  try {
    const node = fs.realpathSync(link);
    const home = path.dirname(path.dirname(node));
    const installed = JSON.parse(fs.readFileSync(path.join(home, "package.json"), "utf8")).version;
    return installed === pinnedVersion() ? { node, home, bin: path.dirname(link) } : undefined;
  } catch {
    return undefined; // not installed yet
  }
}

function pinnedVersion() {
  const manifest = JSON.parse(fs.readFileSync(path.join(NODE_HOME, "package.json"), "utf8"));
  return Object.values(manifest.optionalDependencies)[0];
}

async function installRuntime() {
  const version = pinnedVersion();
  await npm(["ci"], {
    cwd: NODE_HOME,
    env: process.env,
    what: `installing Node ${version} (this machine runs ${process.versions.node})`,
  });
  const runtime = findRuntime();
  if (runtime !== undefined) return runtime;
  throw new Stop(
    `there is no packaged Node for ${process.platform} ${process.arch}`,
    `install Node ${version} (or a newer 24) yourself, put it first on PATH and try again`,
  );
}

function packagesAreCurrent() {
  try {
    return fs.readFileSync(MARKER, "utf8") === lockHash();
  } catch {
    return false; // never installed by us
  }
}

function lockHash() {
  const file = path.join(ROOT, "package-lock.json");
  if (!fs.existsSync(file)) {
    throw new Stop("package-lock.json is missing", "restore it: git checkout package-lock.json");
  }
  return createHash("sha256").update(fs.readFileSync(file)).digest("hex");
}

async function installPackages(runtime) {
  const hash = lockHash();
  const lockFile = path.join(ROOT, "package-lock.json");
  const lock = fs.readFileSync(lockFile);
  // `npm ci` refuses a lock file that lacks a package for some other platform, which happens where a registry does
  // not carry it. `npm install` takes the same versions from the lock; the lock itself must stay as it is committed.
  await npm(["install", "--engine-strict"], {
    cwd: ROOT,
    env: environment(runtime),
    what: "installing npm packages (a minute or two the first time)",
  });
  if (lockHash() !== hash) fs.writeFileSync(lockFile, lock);
  fs.writeFileSync(MARKER, hash);
}

function environment(runtime) {
  const env = { ...process.env };
  if (runtime.home === undefined) return env;
  env.PATH = `${runtime.bin}${path.delimiter}${env.PATH ?? ""}`;
  env.npm_config_nodedir = runtime.home;
  return env;
}

/** Runs npm quietly with progress; its output is shown when it fails. */
async function npm(args, { cwd, env, what }) {
  const progress = showProgress(what);
  // npm's own script is run with the Node on PATH, so that it resolves and builds for that one.
  const [file, ...head] = npmCommand();
  const quiet = ["--no-fund", "--no-audit", "--loglevel=error", "--no-progress"];
  const result = await capture(file, [...head, ...args, ...quiet], { cwd, env });
  progress(result.code === 0);
  if (result.code === 0) return;
  if (result.signal !== undefined) process.exit(128 + os.constants.signals[result.signal]);
  process.stderr.write(result.output);
  throw new Stop(
    `npm ${args.join(" ")} failed in ${cwd}: ${result.reason}`,
    adviceFor(result.output),
  );
}

/** Under `npm start` npm tells which script it is; else the npm on PATH. */
function npmCommand() {
  const script = process.env.npm_execpath;
  if (script !== undefined && /npm-cli\.c?js$/.test(script) && fs.existsSync(script)) {
    return ["node", script];
  }
  return ["npm"];
}

function adviceFor(output) {
  if (/EUSAGE|in sync/.test(output)) {
    return "package.json and package-lock.json disagree: run npm install there, look at the change and commit it";
  }
  if (/ENOSPC/.test(output)) return "the disk is full: make room (about 3 GB) and try again";
  if (/EACCES|EPERM|EROFS/.test(output)) return `make ${ROOT} writable for this user and try again`;
  if (/EBADENGINE/.test(output)) return "put a Node 24.15 or newer first on PATH and try again";
  if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET/.test(output)) {
    return "the package registry cannot be reached: check the network (npm ping) and try again";
  }
  return "read the lines above; if they do not help, remove node_modules and try again";
}

/**
 * Holds the checkout for one installation at a time: a file with our pid. A file whose process has
 * ended counts for nothing.
 */
async function withLock(work) {
  let told = false;
  for (;;) {
    const holder = takeLock();
    if (holder === undefined) break;
    if (!told) process.stderr.write(`waiting for process ${holder}, which is installing\n`);
    told = true;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const release = () => fs.rmSync(LOCK, { force: true });
  process.once("exit", release);
  try {
    await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

/** Undefined when we have it now, else the pid of the live process that has it. */
function takeLock() {
  // Linked into place complete, so that nobody reads an empty file.
  const draft = `${LOCK}.${process.pid}`;
  try {
    fs.mkdirSync(STATE, { recursive: true });
    fs.writeFileSync(draft, String(process.pid));
    fs.linkSync(draft, LOCK);
    return undefined;
  } catch (error) {
    if (error.code !== "EEXIST") {
      throw new Stop(
        `${LOCK} cannot be made (${error.code})`,
        `make ${ROOT} writable for this user`,
      );
    }
  } finally {
    fs.rmSync(draft, { force: true });
  }
  let holder = 0;
  try {
    holder = Number(fs.readFileSync(LOCK, "utf8"));
    process.kill(holder, 0);
    return holder;
  } catch (error) {
    if (error.code === "EPERM") return holder;
    if (error.code === "ESRCH") fs.rmSync(LOCK, { force: true });
    return "that has just ended"; // look again
  }
}

/** Dots on a terminal, one line elsewhere. Returns what ends it. */
function showProgress(what) {
  const started = Date.now();
  const out = process.stderr;
  const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
  if (!out.isTTY) {
    out.write(`${what} …\n`);
    return (ok) => out.write(`${ok ? "done" : "failed"} after ${seconds()}\n`);
  }
  const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
  let turn = 0;
  const draw = () => out.write(`\r${frames[turn++ % frames.length]} ${what} ${seconds()} `);
  draw();
  const timer = setInterval(draw, 120);
  return (ok) => {
    clearInterval(timer);
    out.write(`\r${ok ? "✓" : "✗"} ${what} ${seconds()} \n`);
  };
}

function capture(file, args, options) {
  return new Promise((resolve) => {
    const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (output = (output + text).slice(-20_000)));
    }
    let received;
    const stop = forwardSignals(child, (signal) => (received = signal));
    child.once("error", (error) => {
      stop();
      const reason = error.code === "ENOENT" ? `${file} is not on PATH` : error.message;
      resolve({ code: 1, output, reason, signal: received });
    });
    child.once("close", (code, signal) => {
      stop();
      resolve({ code, output, reason: signal ?? `exit code ${code}`, signal: received });
    });
  });
}

/**
 * Runs the child and becomes its outcome: same exit code, or death by the same signal.
 *
 * With `detached` the child is a process group of its own: a Ctrl-C in the terminal reaches only
 * us, and the child gets the one signal that we pass on. Such a child cannot read the terminal, so
 * anything but the stack stays in our group there and gets the terminal's own SIGINT instead.
 */
function runToItsEnd(file, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, options);
    const forwarding = forwardSignals(child, () => undefined, options.detached ? [] : ["SIGINT"]);
    const watching = watchParent(child);
    const stop = () => {
      forwarding();
      watching();
    };
    child.once("error", (error) => {
      stop();
      reject(
        new Stop(
          `${file} cannot be started (${error.code})`,
          "remove tools/node/node_modules and try again",
        ),
      );
    });
    child.once("exit", (code, signal) => {
      stop();
      if (signal === null) process.exitCode = code ?? 1;
      else process.kill(process.pid, signal);
      resolve();
    });
  });
}

/**
 * Ends the child when npm, which runs us through a shell, has been ended: npm passes a signal to
 * the shell, which dies of it without telling us. Returns what stops watching.
 */
function watchParent(child) {
  if (process.env.npm_lifecycle_event === undefined) return () => undefined;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    if (!child.killed) child.kill("SIGTERM");
  }, 250);
  return () => clearInterval(timer);
}

/**
 * Passes SIGINT, SIGTERM and SIGHUP on, each once, and stays alive for the child's end. Those in
 * `delivered` reach the child by themselves and are only survived.
 */
function forwardSignals(child, onSignal, delivered = []) {
  const listeners = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => {
    let last = -Infinity;
    const listener = () => {
      const now = performance.now();
      const again = now - last < SAME_SIGNAL_MS;
      last = now;
      onSignal(signal);
      if (!again && !delivered.includes(signal)) child.kill(signal);
    };
    process.on(signal, listener);
    return [signal, listener];
  });
  return () => listeners.forEach(([signal, listener]) => process.removeListener(signal, listener));
}
