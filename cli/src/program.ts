import { Command } from "commander";
import { checkoutVersion } from "./checkout.ts";

/** Every command, in the order of the help. Loaded when wanted: most of gwo's start is reading modules. */
const COMMANDS: Readonly<Record<string, () => Promise<(program: Command) => Command>>> = {
  up: async () => (await import("./up/commands.ts")).upCommand,
  down: async () => (await import("./up/commands.ts")).downCommand,
  status: async () => (await import("./up/commands.ts")).statusCommand,
  explain: async () => (await import("./explain/commands.ts")).explainCommand,
  traces: async () => (await import("./traces/commands.ts")).traceCommands,
  tail: async () => (await import("./tail/commands.ts")).tailCommand,
  keys: async () => (await import("./keys/commands.ts")).keyCommands,
  servers: async () => (await import("./servers/commands.ts")).serverCommands,
  prices: async () => (await import("./prices/commands.ts")).priceCommands,
  budgets: async () => (await import("./budgets/commands.ts")).budgetCommands,
  costs: async () => (await import("./costs/commands.ts")).costCommands,
  completion: async () => (await import("./completion/commands.ts")).completionCommand,
};

/** The command line of gwo. With the first word of it, only what that needs is loaded. */
export async function createProgram(firstWord?: string): Promise<Command> {
  const program = new Command("gwo")
    .description("Runs the GatewayOps stack on this machine and asks deployments questions.")
    .version(checkoutVersion())
    .showHelpAfterError("(gwo COMMAND --help shows how it is used)")
    .addHelpText(
      "after",
      "\nExamples:\n  gwo up --detach\n  gwo tail\n  gwo explain req_0199c1e25a4f7d3e8b6a1c2d3e4f5061",
    );
  const one = firstWord !== "completion" && Object.hasOwn(COMMANDS, firstWord ?? "");
  for (const [name, load] of Object.entries(COMMANDS))
    if (!one || name === firstWord) program.addCommand((await load())(program));
  return program;
}
