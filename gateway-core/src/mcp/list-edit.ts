import { isVisible } from "../policy/visibility.ts";
import { editsOfList, isListMethod } from "../policy/visible-lists.ts";
import { mirrorsOf } from "../upstream/mcp-headers.ts";
import type { CarriedExchange } from "./carried-exchange.ts";
import {
  elementsOf,
  jsonTextOf,
  memberNamed,
  memberString,
  membersOf,
  memberText,
} from "./json-members.ts";
import { splice } from "./json-splice.ts";

/**
 * What must change in the answer to a list: entries that the agent may not use are taken out, and so are tools whose
 * header marks break the rules, which a client must not offer (MCP 2026-07-28 streamable-http §x-mcp-header).
 *
 * @returns undefined when the method lists nothing
 */
export function listEditOf(exchange: CarriedExchange): ((answer: Buffer) => Buffer) | undefined {
  const { message, principal, upstream, pipeline } = exchange;
  const { method } = message;
  if (!isListMethod(method)) return undefined;
  return (answer) => {
    const json = jsonTextOf(answer);
    const result = memberNamed(membersOf(json), "result");
    if (!result || json.text[result.start] !== "{") return answer;
    const broken =
      method === "tools/list" ? brokenTools(answer.subarray(result.start, result.end)) : NONE;
    for (const name of broken)
      pipeline.log.warn(
        { mcp_server: upstream.name, mcp_tool: name },
        "a tool is left out: its x-mcp-header marks break the rules",
      );
    const edits = editsOfList(
      json,
      result.start,
      method,
      (name) => !broken.has(name) && isVisible(principal.access, upstream, method, name),
    );
    return splice(answer, edits);
  };
}

const NONE: ReadonlySet<string> = new Set();

/** Names of tools whose marks break the rules. */
function brokenTools(result: Buffer): ReadonlySet<string> {
  // Most servers have no such marks at all.
  if (!result.includes("x-mcp-header")) return NONE;
  const tools = Buffer.from(memberText(result, "tools") || "[]");
  return new Set(
    elementsOf(jsonTextOf(tools)).flatMap(({ start, end }) => {
      const tool = tools.subarray(start, end);
      const name = memberString(tool, "name");
      return name !== undefined && isBrokenTool(tool) ? [name] : [];
    }),
  );
}

/** True for a tool whose marks break the rules. @param tool JSON of its definition */
export function isBrokenTool(tool: Buffer): boolean {
  if (!tool.includes("x-mcp-header")) return false;
  const { inputSchema } = JSON.parse(tool.toString("utf8")) as { inputSchema?: unknown };
  return !mirrorsOf(inputSchema);
}
