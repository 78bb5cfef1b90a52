import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { Failure } from "@gatewayops/platform/errors";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import {
  McpServerSchema,
  ServerTransport,
  type McpServer as McpServerMessage,
} from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import type { McpServerService } from "@gatewayops/proto/gatewayops/auth/v1/server_service_pb";
import type { AuthChange } from "../changes/auth-change.ts";
import { pageRequestFrom } from "../page.ts";
import type { ServerStore } from "./server-store.ts";
import { requireSettings } from "./server-settings.ts";
import { settingsFrom, toSettings } from "./settings-messages.ts";
import { createToolRpc, unknownServer, type ToolRpcOptions } from "./tool-rpc.ts";
import { requireApiUrl, requireServerName, transportOf, type McpServer } from "./server.ts";

export type ServerRpcOptions = ToolRpcOptions & {
  readonly servers: ServerStore;
  readonly publisher: Pick<ChangePublisher<AuthChange>, "publish">;
};

export function createServerRpc(options: ServerRpcOptions): ServiceImpl<typeof McpServerService> {
  const { servers, publisher } = options;
  const toolRpc = createToolRpc(options);
  return {
    async createMcpServer(request, context) {
      const { orgId } = requireCaller(context);
      const time = new Date(options.now());
      const server: McpServer = {
        id: options.newId(),
        orgId,
        name: requireServerName(request.name),
        url: requireApiUrl(request.url),
        timeoutMs: request.timeoutMs,
        enabled: true,
        settings: requireSettings(settingsFrom(request.settings)),
        createTime: time,
        updateTime: time,
      };
      await publisher.publish(await servers.create(orgId, server, options.newId()));
      return { server: toMcpServer(server) };
    },
    async listMcpServers(request, context) {
      const page = pageRequestFrom(request, ["text"]);
      const { items, cursor } = await servers.list(requireCaller(context).orgId, page);
      return { items: items.map(toMcpServer), cursor, hasMore: cursor !== "" };
    },
    async getMcpServer(request, context) {
      const server = await servers.get(requireCaller(context).orgId, request.name);
      if (!server) throw unknown(request.name);
      return { server: toMcpServer(server) };
    },
    async updateMcpServer(request, context) {
      const { orgId } = requireCaller(context);
      if (request.url !== undefined) await requireUrlChange(orgId, request.name, request.url);
      const updated = await servers.update(orgId, request.name, {
        ...stamp(),
        url: request.url,
        timeoutMs: request.timeoutMs,
        enabled: request.enabled,
        settings: request.settings && requireSettings(settingsFrom(request.settings)),
      });
      if (!updated) throw unknown(request.name);
      await publisher.publish(updated.change);
      return { server: toMcpServer(updated.server) };
    },
    async deleteMcpServer(request, context) {
      const { orgId } = requireCaller(context);
      const change = await servers.remove(orgId, request.name, stamp());
      if (!change) throw unknown(request.name);
      await publisher.publish(change);
      return {};
    },
    ...toolRpc,
  };

  function stamp(): ChangeStamp {
    return { changeId: options.newId(), time: new Date(options.now()) };
  }

  async function requireUrlChange(orgId: string, name: string, url: string): Promise<void> {
    requireApiUrl(url);
    const server = await servers.get(orgId, name);
    if (!server) throw unknown(name);
    if (transportOf(server) === "stdio")
      throw new Failure(
        "REQUEST_INVALID",
        "url: a stdio server is what the operator's configuration says; register another server instead.",
        { details: [{ field: "url", message: "cannot be changed for stdio servers" }] },
      );
  }
}

export function toMcpServer(server: McpServer): McpServerMessage {
  return create(McpServerSchema, {
    id: server.id,
    orgId: server.orgId,
    name: server.name,
    url: server.url,
    transport:
      transportOf(server) === "stdio" ? ServerTransport.STDIO : ServerTransport.STREAMABLE_HTTP,
    timeoutMs: server.timeoutMs,
    enabled: server.enabled,
    settings: toSettings(server.settings),
    createTime: timestampFromDate(server.createTime),
    updateTime: timestampFromDate(server.updateTime),
  });
}

function unknown(name: string): Failure {
  return new Failure("NOT_FOUND", unknownServer(name));
}
