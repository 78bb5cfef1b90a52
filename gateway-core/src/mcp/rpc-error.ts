import type { Failure } from "@gatewayops/platform/errors";
import { MessageError, type McpMessage } from "./message.ts";

/** Codes of our own lie outside JSON-RPC's and MCP's ranges (MCP 2026-07-28 basic §Error Codes). */
const OWN_CODES_FROM = 1_000;

/** The JSON-RPC code of a failure. */
export function rpcCodeOf(failure: Failure): number {
  return failure instanceof MessageError ? failure.rpcCode : OWN_CODES_FROM + failure.spec.number;
}

/**
 * The JSON-RPC error that tells an agent of a failure.
 *
 * @param idText the request's id as it was written, "null" when it was not read
 */
export function rpcErrorBody(failure: Failure, idText: string, requestId: string): string {
  const isMessageError = failure instanceof MessageError;
  const error = {
    code: rpcCodeOf(failure),
    message: failure.message,
    data: {
      ...(isMessageError ? failure.data : {}),
      reason: failure.reason,
      request_id: requestId,
      ...(failure.retryAfterMs === undefined ? {} : { retry_after_ms: failure.retryAfterMs }),
    },
  };
  const id = isMessageError ? failure.idText : idText;
  return `{"jsonrpc":"2.0","id":${id},"error":${JSON.stringify(error)}}`;
}

/** Key in the `_meta` of a result that tells of a refusal. */
export const REFUSAL_META = "io.gatewayops/refusal";

/** The tool result that tells an agent's model that its call was refused, and why. */
export function toolRefusalBody(
  failure: Failure,
  { idText, era }: Pick<McpMessage, "idText" | "era">,
  requestId: string,
): string {
  const result = {
    ...(era === "modern" ? { resultType: "complete" } : {}),
    content: [{ type: "text", text: failure.message }],
    isError: true,
    _meta: { [REFUSAL_META]: { reason: failure.reason, request_id: requestId } },
  };
  return `{"jsonrpc":"2.0","id":${idText},"result":${JSON.stringify(result)}}`;
}
