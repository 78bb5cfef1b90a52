import { fileURLToPath } from "node:url";
import { BenchError } from "./bench-error.ts";
import { runToEnd } from "./child.ts";
import type { Program } from "./programs.ts";
import { errorsOf, loadReportFrom, type LoadReport } from "./wrk-output.ts";

export type Load = {
  readonly url: string;
  readonly body: string;
  readonly authorization: string;
  readonly connections: number;
  readonly seconds: number;
};

const SCRIPT = fileURLToPath(new URL("../load.lua", import.meta.url));

/**
 * Loads a URL with as many calls as it takes, one after another on each connection.
 *
 * @throws BenchError when a call was not answered with 2xx
 */
export async function runWrk(
  program: Program,
  load: Load,
  signal: AbortSignal,
): Promise<LoadReport> {
  const { code, stdout, stderr } = await runToEnd(
    program.file,
    [
      ...["--threads", "1", "--connections", String(load.connections)],
      ...["--duration", `${load.seconds}s`, "--timeout", "10s", "--script", SCRIPT, load.url],
    ],
    {
      env: { ...program.env, BENCH_BODY: load.body, BENCH_AUTHORIZATION: load.authorization },
      signal,
    },
  );
  const report = loadReportFrom(stdout);
  if (code !== 0 || report === undefined)
    throw new BenchError(
      `wrk ended with ${code}: ${(stderr || stdout).trim()}`,
      `Try it: ${program.file} --script ${SCRIPT} ${load.url}`,
    );
  const errors = errorsOf(report);
  if (errors !== "" || report.requests === 0)
    throw new BenchError(
      `${load.url} at ${load.connections} connections: ${errors || "no call was answered"}, of ${report.requests} calls`,
      "A run with errors does not count; look into the target's log.",
    );
  return report;
}
