import { elementsOf, jsonTextOf, memberNamed, membersOf } from "../mcp/json-members.ts";
import { objectFrom } from "../mcp/json-object.ts";
import { definitionHash } from "../policy/definition-hash.ts";
import type { ListedTool } from "./listed-tools.ts";
import type { ServerCalls } from "./server-calls.ts";
import type { Upstream } from "./upstream.ts";

/** Pages of a tool list that are read. */
export const PAGES_MAX = 100;
export const TOOLS_MAX = 10_000;
/** Owner of the gateway's own sessions, which no key has. */
const OWNER = "catalog";

/**
 * Lists all tools of a server, and closes the session it needed for that.
 *
 * @throws Failure
 */
export async function listTools(calls: ServerCalls, upstream: Upstream): Promise<ListedTool[]> {
  const tools: ListedTool[] = [];
  let cursor: string | undefined;
  try {
    for (let page = 0; page < PAGES_MAX; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const answer = await calls.askAside({
        upstream,
        method: "tools/list",
        message: Buffer.from(
          JSON.stringify({ jsonrpc: "2.0", id: 0, method: "tools/list", params }),
        ),
        target: "",
        isSafe: true,
        owner: OWNER,
        capabilities: "{}",
        clientInfo: undefined,
        logLevel: undefined,
        traceparent: "",
      });
      tools.push(...toolsOf(Buffer.from(answer.resultText || "{}")));
      const { nextCursor } = objectFrom(answer.resultText);
      if (typeof nextCursor !== "string" || tools.length >= TOOLS_MAX) break;
      cursor = nextCursor;
    }
    return tools.slice(0, TOOLS_MAX);
  } finally {
    await calls.sessions.endOf(upstream, OWNER);
  }
}

/** The tools in the result of a list. What has no name is left out. */
export function toolsOf(result: Buffer): ListedTool[] {
  const json = jsonTextOf(result);
  const list = memberNamed(membersOf(json), "tools");
  if (!list || json.text[list.start] !== "[") return [];
  return elementsOf(json, list.start).flatMap(({ start, end }): ListedTool[] => {
    if (json.text[start] !== "{") return [];
    // As parsers have it, the last of two members counts.
    const members = membersOf(json, start);
    const at = members.findLast(({ key }) => key === "name");
    const name: unknown = at && JSON.parse(result.toString("utf8", at.start, at.end));
    if (typeof name !== "string" || name === "") return [];
    const schema = members.findLast(({ key }) => key === "inputSchema");
    const definition = result.subarray(start, end);
    return [
      {
        name,
        definition,
        hash: definitionHash(definition),
        inputSchema: schema && result.subarray(schema.start, schema.end),
      },
    ];
  });
}
