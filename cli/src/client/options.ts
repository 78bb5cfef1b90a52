import type { Command } from "commander";
import { prettyJson } from "./json.ts";
import { withDeployment, type Clients, type TargetFlags } from "./target.ts";

/** Flags of every command that asks a deployment. */
export type AskFlags = TargetFlags & { readonly json?: boolean };

/** Adds the flags that say which deployment is asked. */
export function withTargetFlags(command: Command): Command {
  return command
    .option("--data <dir>", "data directory of the stack that runs here")
    .option("--url <url>", "another deployment's gateway (GWO_URL)")
    .option("--key <key>", "API key to ask with (GWO_API_KEY)")
    .option("--json", "print JSON");
}

/** Asks a deployment and prints the answer, as JSON or for people. */
export async function ask<T>(
  flags: AskFlags,
  purpose: "read" | "manage",
  shape: {
    readonly work: (clients: Clients) => Promise<T>;
    readonly json: (answer: T) => unknown;
    readonly text: (answer: T) => string;
  },
): Promise<void> {
  const answer = await withDeployment(flags, purpose, shape.work);
  const printed = flags.json === true ? prettyJson(shape.json(answer)) : shape.text(answer);
  process.stdout.write(`${printed}\n`);
}

/** All items of a list that comes in pages. */
export async function allPages<T>(
  fetchPage: (cursor: string) => Promise<{ items: T[]; cursor: string; hasMore: boolean }>,
): Promise<T[]> {
  const items: T[] = [];
  for (let cursor = ""; ;) {
    const page = await fetchPage(cursor);
    items.push(...page.items);
    if (!page.hasMore) return items;
    cursor = page.cursor;
  }
}
