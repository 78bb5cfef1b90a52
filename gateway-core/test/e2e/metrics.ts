import { send } from "./stack.ts";

/** Reads a counter of a process's /metrics: the sum of its series that carry all the given labels. */
export async function counterOf(
  origin: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number> {
  const { text } = await send(`${origin}/metrics`);
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return text
    .split("\n")
    .filter((line) => line.startsWith(`${name}{`) && wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
