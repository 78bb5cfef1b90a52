import type { OwnClient } from "./own-client.ts";
import type { Upstream } from "./upstream.ts";

/** Pages of a tool list that are read. */
const PAGES_MAX = 100;
/** Owner of the gateway's own sessions, which no key has. */
const OWNER = "catalog";

/** Lists the names of all tools of a server, and closes the session it needed for that. */
export async function listToolNames(client: OwnClient, upstream: Upstream): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  try {
    for (let page = 0; page < PAGES_MAX; page++) {
      const answer = await client.request(upstream, OWNER, {
        method: "tools/list",
        paramsJson: JSON.stringify(cursor === undefined ? {} : { cursor }),
        target: "",
        isSafe: true,
        traceparent: "",
      });
      const { result } = JSON.parse(answer.body.toString("utf8")) as {
        result?: { tools?: { name?: unknown }[]; nextCursor?: unknown };
      };
      for (const tool of result?.tools ?? [])
        if (typeof tool.name === "string") names.push(tool.name);
      if (typeof result?.nextCursor !== "string") return names;
      cursor = result.nextCursor;
    }
    return names;
  } finally {
    await client.end(upstream, OWNER);
  }
}
