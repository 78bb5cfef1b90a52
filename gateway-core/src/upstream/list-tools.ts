import { objectFrom } from "../mcp/json-object.ts";
import { toolsOf } from "./listed-tools.ts";
import type { ServerCalls } from "./server-calls.ts";
import type { Upstream } from "./upstream.ts";

/** Pages of a tool list that are read. */
const PAGES_MAX = 100;
/** Owner of the gateway's own sessions, which no key has. */
const OWNER = "catalog";

/**
 * Lists the names of all tools of a server, and closes the session it needed for that.
 *
 * @throws Failure
 */
export async function listToolNames(calls: ServerCalls, upstream: Upstream): Promise<string[]> {
  const names: string[] = [];
  const era = await calls.eraOf(upstream, "modern");
  let cursor: string | undefined;
  try {
    for (let page = 0; page < PAGES_MAX; page++) {
      const params = cursor === undefined ? {} : { cursor };
      const answer = await calls.ask(era, {
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
      const result = objectFrom(answer.resultText);
      names.push(...toolsOf(result).map(({ name }) => name));
      const { nextCursor } = result;
      if (typeof nextCursor !== "string") return names;
      cursor = nextCursor;
    }
    return names;
  } finally {
    await calls.sessions.endOf(upstream, OWNER);
  }
}
