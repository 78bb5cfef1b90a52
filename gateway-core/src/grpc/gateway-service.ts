import type { ServiceImpl } from "@connectrpc/connect";
import type { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import {
  completionFrom,
  promptFrom,
  promptsFrom,
  resourceFrom,
  resourcesFrom,
  resourceTemplatesFrom,
  toolEventFrom,
  toolsFrom,
} from "./answers.ts";
import type { GatewayCalls } from "./gateway-calls.ts";
import { callToolRpc, completeRpc, getPromptRpc, listRpc, readResourceRpc } from "./requests.ts";

/** MCP servers over gRPC: every method is an MCP request on its way through the pipeline. */
export function createGatewayService(calls: GatewayCalls): ServiceImpl<typeof GatewayService> {
  return {
    listTools: (request, context) =>
      calls.answer(request, context, {
        rpc: () => listRpc("tools/list", request),
        read: toolsFrom,
      }),
    callTool: (request, context) =>
      calls.stream(request, context, { rpc: () => callToolRpc(request), read: toolEventFrom }),
    listResources: (request, context) =>
      calls.answer(request, context, {
        rpc: () => listRpc("resources/list", request),
        read: resourcesFrom,
      }),
    listResourceTemplates: (request, context) =>
      calls.answer(request, context, {
        rpc: () => listRpc("resources/templates/list", request),
        read: resourceTemplatesFrom,
      }),
    readResource: (request, context) =>
      calls.answer(request, context, { rpc: () => readResourceRpc(request), read: resourceFrom }),
    listPrompts: (request, context) =>
      calls.answer(request, context, {
        rpc: () => listRpc("prompts/list", request),
        read: promptsFrom,
      }),
    getPrompt: (request, context) =>
      calls.answer(request, context, { rpc: () => getPromptRpc(request), read: promptFrom }),
    complete: (request, context) =>
      calls.answer(request, context, { rpc: () => completeRpc(request), read: completionFrom }),
  };
}
