import { describe, expect, it } from "@jest/globals";
import { Command } from "commander";
import { completionScript, SHELLS, wordsOf } from "./scripts.ts";

const program = new Command("gwo").option("--version");
const keys = new Command("keys");
keys.command("list").option("--json");
program.addCommand(keys);

describe("wordsOf", () => {
  it("has the words of every chain of commands", () => {
    expect(Object.fromEntries(wordsOf(program))).toEqual({
      "": ["keys", "--version", "--help"],
      keys: ["list", "--help"],
      "keys list": ["--json", "--help"],
    });
  });
});

describe("completionScript", () => {
  it.each(SHELLS)("writes one for %s that knows subcommands", (shell) => {
    const script = completionScript(shell, wordsOf(program));
    expect(script).toContain("list");
    expect(script).toContain("gwo");
  });
});
