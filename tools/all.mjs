// Everything a change must pass, quickest first. `.ci/run` runs this.
import { spawnSync } from "node:child_process";

const steps = [
  ["formatting", "prettier", ["--check", "."]],
  ["types", "tsc", ["--noEmit", "-p", "tsconfig.json"]],
  ["generated files", process.execPath, ["tools/generate.mjs", "--check"]],
  ["lint and dependency rules", process.execPath, ["tools/lint.mjs"]],
  ["tests", process.execPath, ["tools/test.mjs"]],
];
for (const [name, command, args] of steps) {
  const started = Date.now();
  console.log(`▶ ${name}`);
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  const seconds = ((Date.now() - started) / 1000).toFixed(1);
  if (status !== 0) {
    console.error(`✗ ${name} failed after ${seconds} s`);
    process.exit(status ?? 1);
  }
  console.log(`✓ ${name} ${seconds} s`);
}
