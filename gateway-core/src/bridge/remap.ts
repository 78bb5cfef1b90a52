import { LOG_LEVEL_META, SUBSCRIPTION_META } from "../mcp/envelope.ts";
import { jsonTextOf, memberAt, type Path } from "../mcp/json-members.ts";
import { splice, type Edit } from "../mcp/json-splice.ts";

export const ID = ["id"] as const;
export const ERROR = ["error"] as const;
export const PROGRESS_TOKEN = ["params", "progressToken"] as const;
export const REQUEST_ID = ["params", "requestId"] as const;
export const CAPABILITIES = ["params", "capabilities"] as const;
export const ASKED_PROGRESS_TOKEN = ["params", "_meta", "progressToken"] as const;
export const ASKED_LOG_LEVEL = ["params", "_meta", LOG_LEVEL_META] as const;
export const SUBSCRIPTION = ["params", "_meta", SUBSCRIPTION_META] as const;
export const ENDED_SUBSCRIPTION = ["result", "_meta", SUBSCRIPTION_META] as const;

/** The message with other values at some paths, all other bytes the same. Paths that lead nowhere are passed over. */
export function withValues(message: Buffer, values: readonly (readonly [Path, string])[]): Buffer {
  const json = jsonTextOf(message);
  const edits: Edit[] = [];
  for (const [path, value] of values) {
    const member = memberAt(json, path);
    if (member) edits.push({ start: member.start, end: member.end, with: value });
  }
  return splice(message, edits);
}

/** JSON text of a value, the same however the value was written: ids and tokens are compared by it. */
export function canonical(jsonText: string): string {
  return JSON.stringify(JSON.parse(jsonText));
}
