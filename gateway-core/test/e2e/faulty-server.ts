import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

type Id = string | number;
type Fault = (response: ServerResponse, id: Id) => void;

const JSON_TYPE = { "content-type": "application/json" };
const SSE_TYPE = { "content-type": "text/event-stream" };

/** What goes wrong at tools/call, by the path of the endpoint. Everything before that is answered as it should be. */
const FAULTS: Readonly<Record<string, Fault>> = {
  silent: () => undefined,
  "closes-json": (response) => {
    response.writeHead(200, { ...JSON_TYPE, "content-length": "1000" });
    response.write('{"jsonrpc":"2.0","id":', () => response.destroy());
  },
  "closes-long-json": (response) => {
    response.writeHead(200, { ...JSON_TYPE, "content-length": "2000000" });
    response.write(`{"jsonrpc":"2.0","result":{"a":"${"x".repeat(1_000_000)}`, () => {
      // In a later packet, so that the gateway has passed on what came before.
      setTimeout(() => response.write("yyy", () => response.destroy()), 100);
    });
  },
  "closes-sse": (response) => {
    response.writeHead(200, SSE_TYPE);
    response.write(PROGRESS, () => response.destroy());
  },
  "ends-sse": (response) => {
    response.writeHead(200, SSE_TYPE);
    response.end(PROGRESS);
  },
  html: (response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><title>Sign in</title>");
  },
  "status-500": (response) => {
    response.writeHead(500, { "content-type": "text/plain" });
    response.end("boom: password=hunter2");
  },
  "status-500-json": (response) => {
    response.writeHead(500, JSON_TYPE);
    response.end('{"message":"boom: password=hunter2"}');
  },
  "status-401": (response) => {
    response.writeHead(401, { ...JSON_TYPE, "www-authenticate": 'Bearer realm="upstream"' });
    response.end('{"error":"invalid_token"}');
  },
  redirects: (response) => {
    response.writeHead(307, { location: "http://169.254.169.254/latest/meta-data/" });
    response.end();
  },
  "broken-json": (response) => {
    response.writeHead(200, JSON_TYPE);
    response.end('{"jsonrpc":"2.0","id":1,"result":{"content":[}}');
  },
  "no-json-rpc": (response) => {
    response.writeHead(200, JSON_TYPE);
    response.end('{"hello":"world"}');
  },
  "no-http": (response) => {
    response.socket?.end("SSH-2.0-OpenSSH_9.2\r\n");
  },
};

const PROGRESS =
  'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}\n\n';

export type FaultyServer = {
  /** URL of the endpoint with this fault. */
  url(fault: string): string;
  close(): void;
};

/** Starts an MCP server of the legacy era whose only tool, "work", fails in the way that the path names. */
export async function startFaultyServer(): Promise<FaultyServer> {
  const server: Server = createServer((request, response) => {
    void serve(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (fault) => `http://127.0.0.1:${String(port)}/${fault}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const message = JSON.parse((await text(request)) || "{}") as { id?: Id; method?: string };
  const { id } = message;
  if (id === undefined) {
    response.writeHead(202).end();
    return;
  }
  const fault = FAULTS[(request.url ?? "").slice(1)];
  if (message.method === "tools/call" && fault) {
    fault(response, id);
    return;
  }
  const result = RESULTS[message.method ?? ""] ?? {};
  response.writeHead(200, JSON_TYPE).end(JSON.stringify({ jsonrpc: "2.0", id, result }));
}

const RESULTS: Readonly<Record<string, object>> = {
  initialize: {
    protocolVersion: "2025-11-25",
    capabilities: { tools: {} },
    serverInfo: { name: "faulty", version: "1" },
  },
  "tools/list": { tools: [{ name: "work", inputSchema: { type: "object" } }] },
};
