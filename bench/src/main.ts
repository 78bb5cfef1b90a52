import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { compare } from "./compare.ts";
import { optionsFrom, USAGE, type BenchOptions } from "./options.ts";
import { profile } from "./profile.ts";
import type { RunContext } from "./setup.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

// Who reads our output may go away (`| head`); what was started must be stopped all the same.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
process.exitCode = await main(process.argv.slice(2));

/** Resolves with the exit code once all that was started has stopped and temporary data is gone. */
async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  let received: (typeof SIGNALS)[number] | undefined;
  for (const name of SIGNALS)
    process.on(name, () => {
      say(received === undefined ? "stopping" : "still stopping");
      received ??= name;
      interrupt.abort(new Error("interrupted"));
    });
  await using cleanup = new AsyncDisposableStack();
  try {
    const options = optionsFrom(args);
    if (options === "help") {
      process.stdout.write(USAGE);
      return 0;
    }
    // Postgres, which runs as another user for root, must pass; the stack's own files are closed.
    const directory = mkdtempSync(join(tmpdir(), "gatewayops-bench-"));
    cleanup.defer(() => {
      rmSync(directory, { recursive: true, force: true });
    });
    return await run(options, { directory, cleanup, signal: interrupt.signal, say });
  } catch (error) {
    if (received !== undefined) return 128 + constants.signals[received];
    tell(error);
    return 1;
  }
}

function run(options: BenchOptions, context: RunContext): Promise<number> {
  return options.profileDir === undefined
    ? compare(options, context)
    : profile(options, { ...context, profileDir: options.profileDir });
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

function tell(error: unknown): void {
  const nextStep = (error as { nextStep?: unknown }).nextStep;
  if (error instanceof Error && typeof nextStep === "string")
    process.stderr.write(`bench: ${error.message}\n  next step: ${nextStep}\n`);
  else process.stderr.write(`bench: ${String((error as Error).stack ?? error)}\n`);
}
