import { Command } from "commander";
import { checkoutVersion } from "./checkout.ts";
import { completionCommand } from "./completion/commands.ts";
import { costCommands } from "./costs/commands.ts";
import { explainCommand } from "./explain/commands.ts";
import { keyCommands } from "./keys/commands.ts";
import { priceCommands } from "./prices/commands.ts";
import { serverCommands } from "./servers/commands.ts";
import { tailCommand } from "./tail/commands.ts";
import { downCommand, statusCommand, upCommand } from "./up/commands.ts";

/** The command line of gwo. */
export function createProgram(): Command {
  const program = new Command("gwo")
    .description("Runs the GatewayOps stack on this machine and asks deployments questions.")
    .version(checkoutVersion())
    .showHelpAfterError("(gwo COMMAND --help shows how it is used)")
    .addHelpText(
      "after",
      "\nExamples:\n  gwo up --detach\n  gwo tail\n  gwo explain req_0199c1e25a4f7d3e8b6a1c2d3e4f5061",
    );
  program.addCommand(upCommand());
  program.addCommand(downCommand());
  program.addCommand(statusCommand());
  program.addCommand(explainCommand());
  program.addCommand(tailCommand());
  program.addCommand(keyCommands());
  program.addCommand(serverCommands());
  program.addCommand(priceCommands());
  program.addCommand(costCommands());
  program.addCommand(completionCommand(program));
  return program;
}
