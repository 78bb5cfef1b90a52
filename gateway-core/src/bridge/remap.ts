import { LOG_LEVEL_META, SUBSCRIPTION_META } from "../mcp/envelope.ts";
import { jsonTextOf, membersOf, type JsonText, type Member } from "../mcp/json-members.ts";
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

type Path = readonly string[];

const OPEN_BRACE = 0x7b;

/** The JSON text of the value at a path, as it stands in the message. Undefined: there is none. */
export function textAt(message: Buffer, path: Path): string | undefined {
  const member = memberAt(jsonTextOf(message), path);
  return member && message.toString("utf8", member.start, member.end);
}

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

function memberAt(json: JsonText, path: Path): Member | undefined {
  let offset = 0;
  let found: Member | undefined;
  for (const name of path) {
    if (found && json.bytes[found.start] !== OPEN_BRACE) return undefined;
    // Of members with one name parsers take the last.
    found = membersOf(json, offset).findLast(({ key }) => key === name);
    if (!found) return undefined;
    offset = found.start;
  }
  return found;
}
