import type { ScriptedClient } from "./sdk-client.ts";

/** What the suite tells a client beside the server's URL. */
export type ScenarioContext = {
  readonly toolCalls?: readonly { name: string; arguments: Record<string, unknown> }[];
};

/** What a scenario wants to see a client do once it is connected. */
export type Script = {
  run(client: ScriptedClient, context: ScenarioContext): Promise<void>;
  /** What the user fills into a form. Absent: nothing, so that the form's defaults hold. */
  readonly form?: Readonly<Record<string, boolean>>;
};

/** Scripts by the scenario's name. */
export const SCRIPTS: ReadonlyMap<string, Script> = new Map<string, Script>([
  ["initialize", { run: listTools }],
  ["request-metadata", { run: listTools }],
  ["json-schema-ref-no-deref", { run: listTools }],
  ["tools_call", callTools({ add_numbers: { a: 5, b: 3 } })],
  ["elicitation-sep1034-client-defaults", callTools({ test_client_elicitation_defaults: {} })],
  ["sse-retry", callTools({ test_reconnection: {} })],
  [
    "sep-2322-client-request-state",
    {
      ...callTools({
        test_mrtr_echo_state: {},
        test_mrtr_unrelated: {},
        test_mrtr_no_state: {},
        test_mrtr_no_result_type: {},
      }),
      form: { confirmed: true },
    },
  ],
  [
    "http-standard-headers",
    {
      async run(client) {
        const { tools } = await client.listTools();
        for (const { name } of tools) await client.callTool({ name, arguments: {} });
        const { resources } = await client.listResources();
        for (const { uri } of resources) await client.readResource({ uri });
        const { prompts } = await client.listPrompts();
        for (const { name } of prompts) await client.getPrompt({ name });
      },
    },
  ],
  [
    "http-custom-headers",
    {
      async run(client, { toolCalls = [] }) {
        await client.listTools();
        for (const call of toolCalls) await client.callTool(call);
      },
    },
  ],
  [
    "http-invalid-tool-headers",
    {
      // Whatever is listed is called: a tool that must be dropped is dropped on the way, or not at all.
      async run(client) {
        const { tools } = await client.listTools();
        for (const { name } of tools)
          await client.callTool({ name, arguments: { region: "eu", value: "v" } });
      },
    },
  ],
  [
    "json-schema-2020-12-preservation",
    {
      async run(client) {
        const { tools } = await client.listTools();
        const schema = tools.find(({ name }) => name === "json_schema_2020_12_tool")?.inputSchema;
        await client.callTool({ name: "json_schema_echo", arguments: { schema } });
      },
    },
  ],
]);

async function listTools(client: ScriptedClient): Promise<void> {
  await client.listTools();
}

function callTools(calls: Readonly<Record<string, Record<string, unknown>>>): Script {
  return {
    async run(client) {
      await client.listTools();
      for (const [name, args] of Object.entries(calls))
        await client.callTool({ name, arguments: args });
    },
  };
}
