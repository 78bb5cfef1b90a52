import { timestampDate } from "@bufbuild/protobuf/wkt";
import { McpToolSchema } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { Command } from "commander";
import { messageJson } from "../client/json.ts";
import { allPages, ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { table } from "../client/table.ts";
import { dateAndTime } from "../client/units.ts";

export function toolCommands(): Command {
  const tools = new Command("tools").description("tools of a server");
  withTargetFlags(
    tools.command("list").argument("<server>").description("list the tools known of a server"),
  )
    .addHelpText("after", "\nExample:\n  gwo servers tools list search")
    .action(listTools);
  for (const [verb, enabled, what] of [
    ["enable", true, "let calls of a tool pass"],
    ["disable", false, "refuse every call of a tool, within a second"],
  ] as const)
    withTargetFlags(tools.command(verb).argument("<server>").argument("<tool>").description(what))
      .addHelpText("after", `\nExample:\n  gwo servers tools ${verb} search delete_index`)
      .action((server: string, tool: string, flags: AskFlags) =>
        switchTool({ server, tool, enabled }, flags),
      );
  return tools;
}

async function listTools(server: string, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: (clients) =>
      allPages((cursor) => clients(McpServerService).listMcpTools({ server, limit: 200, cursor })),
    json: (tools) => tools.map((tool) => messageJson(McpToolSchema, tool)),
    text: (tools) =>
      table(
        ["NAME", "STATE", "DEFINITION", "CHANGED"],
        tools.map(({ name, enabled, definitionHash, definitionChangeTime }) => [
          name,
          enabled ? "enabled" : "disabled",
          definitionHash === "" ? "unknown" : definitionHash.slice(0, 12),
          definitionChangeTime === undefined
            ? "never"
            : dateAndTime(timestampDate(definitionChangeTime)),
        ]),
      ),
  });
}

async function switchTool(
  edit: { readonly server: string; readonly tool: string; readonly enabled: boolean },
  flags: AskFlags,
): Promise<void> {
  await ask(flags, "manage", {
    work: async (clients) => (await clients(McpServerService).updateMcpTool(edit)).tool,
    json: (tool) => (tool === undefined ? null : messageJson(McpToolSchema, tool)),
    text: () => `${edit.server}/${edit.tool} is ${edit.enabled ? "enabled" : "disabled"}.`,
  });
}
