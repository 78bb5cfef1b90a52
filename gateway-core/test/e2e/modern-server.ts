import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

const SERVER_INFO = {
  "io.modelcontextprotocol/serverInfo": { name: "modern-fixture", version: "1" },
};
const CACHE = { ttlMs: 0, cacheScope: "private" };

/** Results of an MCP server of the 2026-07-28 revision: stateless, no `initialize`, one tool. */
const RESULTS = {
  "server/discover": {
    supportedVersions: ["2026-07-28"],
    capabilities: { tools: {} },
    ...CACHE,
  },
  "tools/list": {
    tools: [{ name: "greet", description: "Greets.", inputSchema: { type: "object" } }],
    ...CACHE,
  },
  "tools/call": { content: [{ type: "text", text: "Hello from the modern era" }], "x-unknown": 1 },
} as const;

/**
 * Starts the server on a free loopback port.
 *
 * @param tools what it lists, each time it is asked
 */
export async function startModernServer(
  tools: () => readonly object[] = () => RESULTS["tools/list"].tools,
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    void (async () => {
      const message = JSON.parse((await text(request)) || "{}") as {
        id?: unknown;
        method?: string;
      };
      const results: Readonly<Record<string, object>> = {
        ...RESULTS,
        "tools/list": { ...RESULTS["tools/list"], tools: tools() },
      };
      const known = results[message.method ?? ""];
      const isModern = request.headers["mcp-protocol-version"] === "2026-07-28";
      const status = known !== undefined && isModern ? 200 : isModern ? 404 : 400;
      const outcome =
        status === 200
          ? { result: { resultType: "complete", _meta: SERVER_INFO, ...known } }
          : isModern
            ? { error: { code: -32601, message: "Method not found" } }
            : { error: { code: -32022, message: "Only 2026-07-28", data: VERSIONS } };
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id ?? null, ...outcome }));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${String(port)}/mcp` };
}

const VERSIONS = { supported: ["2026-07-28"], requested: "" };
