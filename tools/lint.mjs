// Runs ESLint and the dependency rule. Warnings are errors.
import { spawnSync } from "node:child_process";

const steps = [
  ["eslint", ["--max-warnings", "0", "."]],
  [
    "depcruise",
    [
      "--config",
      ".dependency-cruiser.mjs",
      "--output-type",
      "err",
      "platform",
      "engines",
      "gateway-core",
      "svc-auth",
      "svc-cost",
      "svc-trace",
      "svc-alert",
      "cli",
      "bench",
      "console/src",
    ],
  ],
];
for (const [command, args] of steps) {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
