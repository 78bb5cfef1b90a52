import { Argument, Command } from "commander";
import { completionScript, SHELLS, wordsOf, type Shell } from "./scripts.ts";

export function completionCommand(program: Command): Command {
  return new Command("completion")
    .description("print a script that completes gwo's words in your shell")
    .addArgument(new Argument("<shell>").choices(SHELLS))
    .addHelpText(
      "after",
      '\nExamples:\n  eval "$(gwo completion bash)"\n  gwo completion fish | source',
    )
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, wordsOf(program)));
    });
}
