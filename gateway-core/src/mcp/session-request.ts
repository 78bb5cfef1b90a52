import type { CallRequest } from "../upstream/server-call.ts";
import { memberText } from "./json-members.ts";
import type { McpExchange } from "./mcp-exchange.ts";
import { isRepeatable } from "./safe-methods.ts";
import { transformedCall } from "./transformed-call.ts";

/** Bytes of `initialize` params that are kept of a session. */
export const PARAMS_MAX_BYTES = 16 * 1024;

/** A request of the session as the server must hear it. */
export function requestOf(
  exchange: McpExchange,
  initializeParams: string,
  logLevel: string,
  method: string,
): CallRequest {
  const { message, rpcBody, upstream, principal, trace } = exchange;
  const params = Buffer.from(initializeParams);
  const target = method === message.method ? message.target : "";
  return {
    upstream,
    method,
    message:
      method === message.method
        ? transformedCall(upstream, message, rpcBody)
        : Buffer.from(`{"jsonrpc":"2.0","id":0,"method":${JSON.stringify(method)}}`),
    target,
    isSafe: isRepeatable(upstream, { method, target }),
    owner: principal.keyIdText,
    capabilities: memberText(params, "capabilities") || "{}",
    clientInfo: memberText(params, "clientInfo") || undefined,
    logLevel: logLevel === "" ? undefined : logLevel,
    traceparent: trace?.traceparent ?? "",
  };
}
