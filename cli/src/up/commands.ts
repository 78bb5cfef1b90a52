import { Command } from "commander";
import { dataDirectory } from "../checkout.ts";
import { upOptionsFrom, type UpFlags } from "./up-options.ts";

type DataFlags = { readonly data?: string; readonly json?: boolean };

const DATA_HELP = "data directory (GWO_DATA_DIR, or .gatewayops in the checkout)";

export function upCommand(): Command {
  return new Command("up")
    .description("start the whole stack: engines, services, gateway, demo MCP servers")
    .option("--detach", "start it in the background and return once it is ready")
    .option("--foreground", "run it in this very process, as a process supervisor wants it")
    .option("--data <dir>", DATA_HELP)
    .option(
      "--ports <mode>",
      "default: 8080 and the documented ones; auto: free ones, kept for the data directory",
    )
    .option("--workers <n>", "worker processes of the gateway (one per processor)")
    .addHelpText(
      "after",
      `
GWO_POSTGRES_URL, GWO_REDIS_URL and GWO_CLICKHOUSE_URL replace an embedded engine by a real server.

Examples:
  gwo up
  gwo up --detach
  gwo up --detach --ports auto --data /tmp/second`,
    )
    .action(async (flags: UpFlags) => {
      const options = upOptionsFrom(flags);
      const inTerminal = flags.foreground !== true && process.stdin.isTTY;
      if (flags.detach === true || inTerminal) {
        const { runDetached, runInTerminal } = await import("./detach.ts");
        process.exit(await (flags.detach === true ? runDetached : runInTerminal)(options));
      }
      const { runForeground } = await import("./foreground.ts");
      process.exit(await runForeground(options));
    });
}

export function downCommand(): Command {
  return new Command("down")
    .description("stop the stack of a data directory, in order")
    .option("--data <dir>", DATA_HELP)
    .addHelpText("after", "\nExamples:\n  gwo down\n  gwo down --data /tmp/second")
    .action(async (flags: DataFlags) => {
      const { runDown } = await import("./down.ts");
      process.stdout.write(`${await runDown(dataDirectory(flags.data))}\n`);
    });
}

export function statusCommand(): Command {
  return new Command("status")
    .description("tell which processes run, how they are, and where their logs lie")
    .option("--data <dir>", DATA_HELP)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  gwo status\n  gwo status --json\n\nIt ends with 1 when no stack runs or a part has trouble.",
    )
    .action(async (flags: DataFlags) => {
      const { readStatus, tellStatus } = await import("./status.ts");
      const status = await readStatus(dataDirectory(flags.data));
      const text = flags.json === true ? JSON.stringify(status, null, 2) : tellStatus(status);
      process.stdout.write(`${text}\n`);
      if (!status.ready) process.exitCode = 1;
    });
}
