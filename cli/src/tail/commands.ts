import { Command } from "commander";
import { withTargetFlags, type AskFlags } from "../client/options.ts";
import { withDeployment } from "../client/target.ts";
import { Problem } from "../problem.ts";
import { filterFields, withFilterFlags, type FilterFlags } from "../traces/filter-flags.ts";
import { tailCalls } from "./tail.ts";

type TailFlags = AskFlags & FilterFlags & { readonly lines: string; readonly follow: boolean };

export function tailCommand(): Command {
  const tail = new Command("tail")
    .description("show calls as they are recorded, until Ctrl-C")
    .option("-n, --lines <n>", "calls of the last hour to show first, at most 200", "10")
    .option("-f, --follow", "go on with new calls", true)
    .option("--no-follow", "show these and end")
    .addHelpText(
      "after",
      "\nExamples:\n  gwo tail\n  gwo tail --server everything --status error\n  gwo tail --json | jq .request_id",
    );
  return withTargetFlags(withFilterFlags(tail)).action(follow);
}

async function follow(flags: TailFlags): Promise<void> {
  const lines = Number(flags.lines);
  if (!Number.isInteger(lines) || lines < 0 || lines > 200)
    throw new Problem(`--lines ${flags.lines} is not from 0 to 200`, "Write it like --lines 20.");
  const filter = filterFields(flags);
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
      filter,
      lines,
      json: flags.json === true,
      follow: flags.follow,
      write: (line) => void process.stdout.write(`${line}\n`),
      warn: (line) => void process.stderr.write(`gwo: ${line}\n`),
      signal: stop.signal,
    }),
  );
}
