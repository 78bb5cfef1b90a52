import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** A server of the legacy era that does nothing but begin and end sessions, and counts them. */
export type SessionServer = {
  readonly url: string;
  readonly begun: () => number;
  /** Sessions that were ended by DELETE, each counted once. */
  readonly ended: () => number;
  /** DELETEs of sessions that were none, or none any more. */
  readonly endedInVain: () => number;
  close(): Promise<void>;
};

const RESULT = {
  protocolVersion: "2025-11-25",
  capabilities: { tools: {} },
  serverInfo: { name: "sessions", version: "1" },
};

export async function startSessionServer(): Promise<SessionServer> {
  const open = new Set<string>();
  let begun = 0;
  let ended = 0;
  let endedInVain = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const session = request.headers["mcp-session-id"];
      if (request.method === "DELETE") {
        if (open.delete(String(session))) ended++;
        else endedInVain++;
        response.writeHead(200, { "content-length": "0" }).end();
        return;
      }
      // No stream of its own, and no server over HTTP+SSE.
      if (request.method !== "POST") {
        response.writeHead(405, { "content-length": "0" }).end();
        return;
      }
      const { id, method } = (await json(request)) as { id?: unknown; method?: string };
      if (method !== "initialize") {
        response.writeHead(method === "notifications/initialized" ? 202 : 404).end();
        return;
      }
      const fresh = `session-${String(++begun)}`;
      open.add(fresh);
      response.writeHead(200, { "content-type": "application/json", "mcp-session-id": fresh });
      response.end(JSON.stringify({ jsonrpc: "2.0", id, result: RESULT }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/mcp`,
    begun: () => begun,
    ended: () => ended,
    endedInVain: () => endedInVain,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
