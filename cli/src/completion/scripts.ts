import type { Command } from "commander";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Words that may follow a chain of commands, by the chain: "" and "keys create" for example. */
export type Words = ReadonlyMap<string, readonly string[]>;

/** The words of a program, read from its own definition. */
export function wordsOf(program: Command): Words {
  const words = new Map<string, readonly string[]>();
  visit(program, "");
  return words;

  function visit(command: Command, chain: string): void {
    const options = command.options.flatMap(({ long }) => long ?? []);
    const names = command.commands.map((inner) => inner.name());
    words.set(chain, [...names, ...options, "--help"]);
    for (const inner of command.commands) visit(inner, `${chain} ${inner.name()}`.trim());
  }
}

export function completionScript(shell: Shell, words: Words): string {
  switch (shell) {
    case "bash":
      return bash(words);
    case "zsh":
      // zsh runs bash's completions.
      return `autoload -U +X bashcompinit && bashcompinit\n${bash(words)}`;
    case "fish":
      return fish(words);
  }
}

function bash(words: Words): string {
  const cases = [...words].map(([chain, list]) => `    "${chain}") words="${list.join(" ")}" ;;`);
  return `_gwo() {
  local chain="" word words="" index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    [[ "$word" == -* ]] || chain="\${chain:+$chain }$word"
  done
  while :; do
    case "$chain" in
${cases.map((line) => `  ${line}`).join("\n")}
    esac
    [[ -n "$words" || -z "$chain" ]] && break
    [[ "$chain" == *" "* ]] && chain="\${chain% *}" || chain=""
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _gwo gwo
`;
}

function fish(words: Words): string {
  const lines = [...words].flatMap(([chain, list]) => {
    const parts = chain === "" ? [] : chain.split(" ");
    const names = list.filter((word) => !word.startsWith("-"));
    const seen = parts.map((part) => `__fish_seen_subcommand_from ${part}`);
    const unseen = names.length === 0 ? [] : [`not __fish_seen_subcommand_from ${names.join(" ")}`];
    const condition = [...seen, ...unseen].join("; and ");
    const when = condition === "" ? "" : ` -n '${condition}'`;
    return list.map((word) =>
      word.startsWith("--")
        ? `complete -c gwo${when} -l ${word.slice(2)}`
        : `complete -c gwo -f${when} -a ${word}`,
    );
  });
  return `${lines.join("\n")}\n`;
}
