import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { hexOf, toolIdOf, toolIdToText } from "@gatewayops/platform/ids";
import {
  KnownToolSchema,
  type KnownTool as KnownToolMessage,
  type RegisterToolsRequest,
} from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import {
  McpToolSchema,
  ToolDefinitionSchema,
  type McpTool as McpToolMessage,
  type ToolDefinition as ToolDefinitionMessage,
} from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import type { ListedTool, Tool, ToolDefinition } from "./tool-store.ts";

export function toMcpTool(tool: Tool): McpToolMessage {
  return create(McpToolSchema, {
    name: tool.name,
    enabled: tool.enabled,
    definitionHash: tool.definitionHash ?? "",
    ...changeTimeOf(tool),
  });
}

export function toKnownTool(tool: Tool): KnownToolMessage {
  return create(KnownToolSchema, {
    name: tool.name,
    disabled: !tool.enabled,
    definitionHash: Buffer.from(tool.definitionHash ?? "", "hex"),
    ...changeTimeOf(tool),
  });
}

export function toToolDefinition(definition: ToolDefinition): ToolDefinitionMessage {
  return create(ToolDefinitionSchema, {
    hash: definition.hash,
    definition: definition.definition,
    firstSeenTime: timestampFromDate(definition.firstSeenTime),
    lastSeenTime: timestampFromDate(definition.lastSeenTime),
  });
}

/** The tools that a gateway says a server lists, each once. What PostgreSQL cannot keep is left out. */
export function listedToolsFrom(
  request: Pick<RegisterToolsRequest, "tools" | "listed">,
  serverId: Uint8Array,
): ListedTool[] {
  const tools = new Map<string, ListedTool>();
  const add = (name: string, rest: Pick<ListedTool, "definitionHash" | "definition">): void => {
    if (name === "" || name.includes("\0")) return;
    tools.set(name, { id: toolIdToText(toolIdOf(serverId, name)), name, ...rest });
  };
  for (const name of request.tools) add(name, { definitionHash: undefined, definition: "" });
  for (const { name, definitionHash, definition } of request.listed)
    add(name, {
      definitionHash: definitionHash.length === HASH_BYTES ? hexOf(definitionHash) : undefined,
      definition: keepable(definition),
    });
  return [...tools.values()];
}

const HASH_BYTES = 32;
const DEFINITION_MAX_BYTES = 256 * 1024;

function keepable(definition: Uint8Array): string {
  if (definition.length > DEFINITION_MAX_BYTES) return "";
  const text = Buffer.from(definition).toString("utf8");
  return text.includes("\0") ? "" : text;
}

function changeTimeOf({ definitionChangeTime }: Tool) {
  return definitionChangeTime && { definitionChangeTime: timestampFromDate(definitionChangeTime) };
}
