import { Command } from "commander";
import { withTargetFlags, type AskFlags } from "../client/options.ts";
import { withDeployment } from "../client/target.ts";
import { Problem } from "../problem.ts";
import { statusFrom, tailCalls } from "./tail.ts";

type TailFlags = AskFlags & {
  readonly server?: string;
  readonly status?: string;
  readonly lines: string;
  readonly follow: boolean;
};

export function tailCommand(): Command {
  const tail = new Command("tail")
    .description("show calls as they are recorded, until Ctrl-C")
    .option("--server <name>", "only calls of this MCP server")
    .option("--status <status>", "only calls that ended so: success, error, timeout, unknown")
    .option("-n, --lines <n>", "calls of the last hour to show first, at most 200", "10")
    .option("--no-follow", "show these and end")
    .addHelpText(
      "after",
      "\nExamples:\n  gwo tail\n  gwo tail --server everything --status error\n  gwo tail --json | jq .request_id",
    );
  return withTargetFlags(tail).action(follow);
}

async function follow(flags: TailFlags): Promise<void> {
  const lines = Number(flags.lines);
  if (!Number.isInteger(lines) || lines < 0 || lines > 200)
    throw new Problem(`--lines ${flags.lines} is not from 0 to 200`, "Write it like --lines 20.");
  const status = statusFrom(flags.status);
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => {
      stop.abort();
    });
  // A reader such as `head` that has enough closes the pipe.
  process.stdout.on("error", () => {
    stop.abort();
  });
  await withDeployment(flags, "read", (clients) =>
    tailCalls(clients, {
      server: flags.server ?? "",
      status,
      lines,
      json: flags.json === true,
      follow: flags.follow,
      write: (line) => void process.stdout.write(`${line}\n`),
      warn: (line) => void process.stderr.write(`gwo: ${line}\n`),
      signal: stop.signal,
    }),
  );
}
