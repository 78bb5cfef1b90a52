import { elicit, fieldOf } from "../../conformance/fixtures/asking.ts";
import type { AskingTool } from "../../conformance/fixtures/asking-tools.ts";
import { textResult } from "../../conformance/fixtures/content.ts";
import type { FixtureOptions } from "../../conformance/fixtures/fixture-tools.ts";
import type { InputSchema, PlainTool } from "../../conformance/fixtures/tools.ts";
import { createWaitingTool, type WaitingTool } from "../../waiting-tool.ts";

/** Tools of a server, and how often each call ran to its end, by the `id` that it was given. */
export type CountingTools = {
  readonly options: FixtureOptions;
  readonly runs: ReadonlyMap<string, number>;
  readonly waiting: WaitingTool;
};

export const PLAIN_TOOL = "count";
export const ASKING_TOOL = "count_after_question";

const WITH_ID: InputSchema = {
  type: "object",
  properties: { id: { type: "string" } },
  required: ["id"],
};
const FORM = elicit("What is your name?", { name: { type: "string" } });

export function createCountingTools(): CountingTools {
  const runs = new Map<string, number>();
  const waiting = createWaitingTool();
  const count = (id: unknown): string => {
    runs.set(String(id), (runs.get(String(id)) ?? 0) + 1);
    return String(id);
  };
  const plain: PlainTool = {
    name: PLAIN_TOOL,
    description: "Counts its calls.",
    inputSchema: WITH_ID,
    call: (_caller, { id }) => textResult(count(id)),
  };
  const asking: AskingTool = {
    name: ASKING_TOOL,
    description: "Asks for a name, then counts its calls.",
    inputSchema: WITH_ID,
    rounds: () => [{ user_name: FORM }],
    answer: (answers, { id }) =>
      textResult(`${count(id)} by ${fieldOf(answers, "user_name", "name")}`),
  };
  return {
    runs,
    waiting,
    options: { plainTools: [plain, waiting.tool], askingTools: [asking] },
  };
}
