// Does what a newcomer does: clones the project into an empty directory, runs `npm start`, makes a call, presses
// Ctrl-C, and starts again. Prints how long each start took and fails when it took too long or left a process behind.
//   npm run newcomer -- [--slack N]     N times the time allowed, for machines that are shared with others
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const COLD_MAX_S = 180;
const WARM_MAX_S = 8;

const { values: args } = parseArgs({ options: { slack: { type: "string", default: "1" } } });
const slack = Number(args.slack);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const directory = mkdtempSync(join(tmpdir(), "gatewayops-newcomer-"));
const clone = join(directory, "gatewayops");
const problems = [];
try {
  run("git", ["clone", "--quiet", root, clone]);
  const node = spawnSync("node", ["--version"], { encoding: "utf8" }).stdout.trim();
  console.log(`fresh clone; the Node on PATH is ${node}`);
  await startOnce("cold", COLD_MAX_S * slack);
  await startOnce("warm", WARM_MAX_S * slack);
} finally {
  rmSync(directory, { recursive: true, force: true });
}
for (const problem of problems) console.error(`✗ ${problem}`);
console.log(
  problems.length === 0 ? "newcomer: all held" : `newcomer: ${problems.length} problem(s)`,
);
process.exitCode = problems.length === 0 ? 0 : 1;

async function startOnce(kind, maxSeconds) {
  const started = performance.now();
  const child = spawn("npm", ["start", "--", "--ports", "auto"], {
    cwd: clone,
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = new Promise((resolve) => child.on("exit", resolve));
  const isReady = await waitForLine(child, "GatewayOps is ready", maxSeconds * 3);
  const seconds = (performance.now() - started) / 1000;
  console.log(
    `${kind} start: ${isReady ? "ready" : "not ready"} after ${seconds.toFixed(1)} s (at most ${maxSeconds} s)`,
  );
  if (!isReady || seconds > maxSeconds)
    problems.push(`the ${kind} start took ${seconds.toFixed(1)} s`);
  const stack = isReady
    ? JSON.parse(readFileSync(join(clone, ".gatewayops/stack.json"), "utf8"))
    : undefined;
  if (stack) await callOnce(stack);
  // Ctrl-C at a terminal reaches the whole group.
  if (child.exitCode === null) process.kill(-child.pid, "SIGINT");
  await gone;
  const left = (stack?.processes ?? []).filter(({ pid }) => isAlive(pid)).map(({ name }) => name);
  if (left.length > 0) problems.push(`left running after Ctrl-C: ${left.join(", ")}`);
}

async function callOnce(stack) {
  const answer = await fetch(`${stack.gatewayUrl}/v1/mcp/everything/tools/call`, {
    method: "POST",
    headers: { authorization: `Bearer ${stack.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ tool: "echo", arguments: { message: "hello" } }),
  });
  const text = await answer.text();
  if (!text.includes("Echo: hello"))
    problems.push(`the first call was answered with ${answer.status} ${text}`);
}

function waitForLine(child, text, maxSeconds) {
  return new Promise((resolve) => {
    let seen = "";
    const timer = setTimeout(() => resolve(false), maxSeconds * 1000);
    child.stdout.on("data", (chunk) => {
      process.stdout.write(chunk);
      seen += chunk;
      if (!seen.includes(text)) return;
      clearTimeout(timer);
      resolve(true);
    });
    child.on("exit", () => resolve(false));
  });
}

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed`);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // no such process
  }
}
