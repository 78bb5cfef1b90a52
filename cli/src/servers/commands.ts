import { McpServerSchema, type McpServer } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import { Command } from "commander";
import { messageJson } from "../client/json.ts";
import { allPages, ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { table } from "../client/table.ts";
import { toolCommands } from "./tool-commands.ts";
import { Problem } from "../problem.ts";

export function serverCommands(): Command {
  const servers = new Command("servers").description("MCP servers that agents can reach");
  withTargetFlags(servers.command("list").description("list the servers of the organisation"))
    .addHelpText("after", "\nExample:\n  gwo servers list")
    .action(listServers);
  withTargetFlags(
    servers
      .command("add")
      .argument("<name>", "name in paths: a-z, 0-9, - and _")
      .argument("<url>", "URL of its MCP endpoint")
      .description("register a server")
      .option("--timeout <ms>", "how long one answer may take, in milliseconds (30000)"),
  )
    .addHelpText("after", "\nExample:\n  gwo servers add search http://127.0.0.1:3001/mcp")
    .action(addServer);
  withTargetFlags(
    servers.command("remove").argument("<name>").description("remove a server; its calls stay"),
  )
    .addHelpText("after", "\nExample:\n  gwo servers remove search")
    .action(removeServer);
  for (const [verb, enabled, what] of [
    ["enable", true, "let calls to a server pass"],
    ["disable", false, "refuse every call to a server, within a second"],
  ] as const)
    withTargetFlags(servers.command(verb).argument("<name>").description(what))
      .addHelpText("after", `\nExample:\n  gwo servers ${verb} search`)
      .action((name: string, flags: AskFlags) => switchServer(name, enabled, flags));
  servers.addCommand(toolCommands());
  return servers;
}

async function listServers(flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: (clients) =>
      allPages((cursor) => clients(McpServerService).listMcpServers({ limit: 200, cursor })),
    json: (servers) => servers.map((server) => messageJson(McpServerSchema, server)),
    text: (servers) =>
      table(
        ["NAME", "URL", "TIME-OUT", "STATE"],
        servers.map(({ name, url, timeoutMs, enabled }) => [
          name,
          url,
          `${String(timeoutMs)} ms`,
          enabled ? "enabled" : "disabled",
        ]),
      ),
  });
}

async function addServer(
  name: string,
  url: string,
  flags: AskFlags & { readonly timeout?: string },
): Promise<void> {
  const timeoutMs = Number(flags.timeout ?? 0);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 0)
    throw new Problem(
      `--timeout ${flags.timeout ?? ""} is no whole number`,
      "Write milliseconds, like --timeout 5000.",
    );
  await ask(flags, "manage", {
    work: async (clients) =>
      (await clients(McpServerService).createMcpServer({ name, url, timeoutMs })).server,
    json: jsonOf,
    text: (server) => `Registered ${server?.name ?? name} at ${server?.url ?? url}.`,
  });
}

async function removeServer(name: string, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: (clients) => clients(McpServerService).deleteMcpServer({ name }),
    json: () => ({}),
    text: () => `Removed ${name}.`,
  });
}

async function switchServer(name: string, enabled: boolean, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: async (clients) =>
      (await clients(McpServerService).updateMcpServer({ name, enabled })).server,
    json: jsonOf,
    text: () => `${name} is ${enabled ? "enabled" : "disabled"}.`,
  });
}

function jsonOf(server: McpServer | undefined): unknown {
  return server === undefined ? null : messageJson(McpServerSchema, server);
}
