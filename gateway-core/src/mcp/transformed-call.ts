import { changesArguments, transformHeaders, transformParams } from "../policy/transformations.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { jsonTextOf, memberNamed, membersOf } from "./json-members.ts";
import { splice } from "./json-splice.ts";
import type { McpMessage } from "./message.ts";

/** True when the server's settings change the arguments of this call. */
export function isTransformed(upstream: Upstream, message: McpMessage): boolean {
  const { transformations } = upstream.settings;
  return (
    transformations.length > 0 &&
    message.method === "tools/call" &&
    changesArguments(message.target, transformations)
  );
}

/** A tool call with its arguments changed as the server's settings say. All that they do not name stays. */
export function transformedCall(upstream: Upstream, message: McpMessage, body: Buffer): Buffer {
  if (!isTransformed(upstream, message)) return body;
  const params = memberNamed(membersOf(jsonTextOf(body)), "params");
  if (!params) return body;
  const { start, end } = params;
  const changed = transformParams(
    body.subarray(start, end),
    message.target,
    upstream.settings.transformations,
  );
  return splice(body, [{ start, end, with: changed }]);
}

/** The tool that a message calls; undefined when it calls none. */
export function toolOf({
  method,
  target,
}: Pick<McpMessage, "method" | "target">): string | undefined {
  return method === "tools/call" ? target : undefined;
}

/**
 * Headers of a request, changed as the server's settings say.
 *
 * @param tool undefined when the request calls none
 */
export function transformedHeaders(
  upstream: Upstream,
  headers: string[],
  tool: string | undefined,
): string[] {
  const { transformations } = upstream.settings;
  return transformations.length === 0 ? headers : transformHeaders(headers, tool, transformations);
}
