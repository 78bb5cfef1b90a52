import type { ServiceImpl } from "@connectrpc/connect";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import { Failure } from "@gatewayops/platform/errors";
import { toolIdOf, toolIdToText, uuidFromText } from "@gatewayops/platform/ids";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import type { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import type { AuthChange } from "../changes/auth-change.ts";
import type { Clock } from "../clock.ts";
import { pageRequestFrom } from "../page.ts";
import type { ServerStore } from "./server-store.ts";
import { toMcpTool, toToolDefinition } from "./tool-messages.ts";
import type { ToolStore } from "./tool-store.ts";

export type ToolRpcOptions = Clock & {
  readonly servers: Pick<ServerStore, "get">;
  readonly tools: ToolStore;
  readonly publisher: Pick<ChangePublisher<AuthChange>, "publish">;
};

/** Definitions of a page when nothing is said: they are long. */
const DEFINITIONS_LIMIT = 10;

/** The part of the service that is about a server's tools. */
export function createToolRpc(
  options: ToolRpcOptions,
): Pick<
  ServiceImpl<typeof McpServerService>,
  "listMcpTools" | "updateMcpTool" | "listToolDefinitions"
> {
  const { tools, publisher } = options;
  return {
    async listMcpTools(request, context) {
      const { orgId } = requireCaller(context);
      const page = pageRequestFrom(request, ["text"]);
      const serverId = await serverIdOf(orgId, request.server);
      const { items, cursor } = await tools.list(orgId, serverId, page);
      return { items: items.map(toMcpTool), cursor, hasMore: cursor !== "" };
    },
    async updateMcpTool(request, context) {
      const { orgId } = requireCaller(context);
      const serverId = await serverIdOf(orgId, request.server);
      const updated = await tools.setEnabled(orgId, serverId, {
        changeId: options.newId(),
        time: new Date(options.now()),
        id: toolIdTextOf(serverId, request.tool),
        name: request.tool,
        enabled: request.enabled,
      });
      if (!updated)
        throw new Failure(
          "NOT_FOUND",
          "The server has no such tool, as far as is known. Send `enabled` to switch it all the same.",
        );
      await publisher.publish(updated.change);
      return { tool: toMcpTool(updated.tool) };
    },
    async listToolDefinitions(request, context) {
      const { orgId } = requireCaller(context);
      const page = pageRequestFrom(
        { cursor: request.cursor, limit: request.limit || DEFINITIONS_LIMIT },
        ["time", "hash"],
      );
      const toolId = toolIdTextOf(await serverIdOf(orgId, request.server), request.tool);
      const { items, cursor } = await tools.definitions(orgId, toolId, page);
      return { items: items.map(toToolDefinition), cursor, hasMore: cursor !== "" };
    },
  };

  async function serverIdOf(orgId: string, name: string): Promise<string> {
    const server = await options.servers.get(orgId, name);
    if (!server) throw new Failure("NOT_FOUND", unknownServer(name));
    return server.id;
  }
}

export function unknownServer(name: string): string {
  return `There is no server named ${JSON.stringify(name.slice(0, 64))}.`;
}

function toolIdTextOf(serverId: string, tool: string): string {
  const id = uuidFromText(serverId);
  if (!id) throw new Error("a server's id is no UUID");
  return toolIdToText(toolIdOf(id, tool));
}
