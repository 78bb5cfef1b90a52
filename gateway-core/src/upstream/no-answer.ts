import { Failure } from "@gatewayops/platform/errors";
import type { Upstream } from "./upstream.ts";

/** What is wrong with an exchange that brought no answer. */
export function noAnswer(
  upstream: Upstream,
  ended: { readonly status: number; readonly isStream: boolean },
): Failure {
  if (ended.status >= 300)
    return new Failure(
      "UPSTREAM_HTTP_ERROR",
      `The MCP server ${upstream.name} answered with HTTP status ${ended.status}.`,
    );
  return ended.isStream
    ? new Failure(
        "UPSTREAM_CLOSED",
        `The MCP server ${upstream.name} closed its stream before it answered.`,
      )
    : new Failure(
        "UPSTREAM_NOT_MCP",
        `The MCP server ${upstream.name} ended its answer without a JSON-RPC result.`,
      );
}
