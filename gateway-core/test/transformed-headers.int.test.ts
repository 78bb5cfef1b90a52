import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  TransformationAction,
  TransformationTarget,
} from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { SERVER, startBench, type Bench, type UpstreamHandler } from "./worker-bench.ts";

let engine: OwnRedis;
let bench: Bench | undefined;

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const TENANT = {
  target: TransformationTarget.HEADER,
  action: TransformationAction.SET,
  name: "x-tenant",
  value: "acme",
};

/** A server of the legacy era with one tool, whose own stream stays open. */
const legacyServer: UpstreamHandler = ({ id, method }, response, request) => {
  if (request.method === "GET") {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    return;
  }
  const results: Record<string, object> = {
    initialize: {
      protocolVersion: "2025-11-25",
      capabilities: { tools: { listChanged: true } },
      serverInfo: {},
    },
    "tools/list": { tools: [{ name: "echo", inputSchema: { type: "object" } }] },
    "tools/call": { content: [] },
  };
  const result = results[method ?? ""];
  const answer = result ? { result } : { error: { code: -32_601, message: "no such method" } };
  response.writeHead(id === undefined ? 202 : 200, {
    "content-type": "application/json",
    "mcp-session-id": "s1",
  });
  response.end(id === undefined ? "" : JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
};

describe("a header that the server's settings set for all requests", () => {
  it("is in each one: probe, sessions, lists, calls, streams and their ends", async () => {
    bench = await startBench({
      redisUrl: engine.url,
      upstream: legacyServer,
      transformations: [TENANT],
    });
    await bench.connected();
    const { post, received, url, key } = bench;
    const params = { name: "echo", arguments: {} };
    const asModern = (method: string, params: object, signal?: AbortSignal): Promise<Response> =>
      fetch(`${url}/v1/mcp/${SERVER}`, {
        method: "POST",
        signal: signal ?? null,
        headers: {
          ...{ authorization: `Bearer ${key}`, "content-type": "application/json" },
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": method,
          ...(method === "tools/call" ? { "mcp-name": "echo" } : {}),
        },
        body: JSON.stringify({
          ...{ jsonrpc: "2.0", id: 1, method },
          params: {
            ...params,
            _meta: {
              "io.modelcontextprotocol/protocolVersion": "2026-07-28",
              "io.modelcontextprotocol/clientCapabilities": {},
            },
          },
        }),
      });
    expect((await asModern("tools/call", params)).status).toBe(200);
    const listening = new AbortController();
    const wish = { notifications: { toolsListChanged: true } };
    await asModern("subscriptions/listen", wish, listening.signal);
    await until("the server is listened to", () => received.some(({ method }) => method === "GET"));
    listening.abort();
    const hello = await post({
      ...{ jsonrpc: "2.0", id: 1, method: "initialize" },
      params: {
        protocolVersion: "2025-11-25",
        capabilities: {},
        clientInfo: { name: "test", version: "1" },
      },
    });
    const session = { "mcp-session-id": hello.headers.get("mcp-session-id") ?? "" };
    await post({ jsonrpc: "2.0", id: 2, method: "tools/call", params }, { headers: session });
    await post({ jsonrpc: "2.0", id: 3, method: "tools/list" }, { headers: session });
    const ended = await fetch(`${url}/v1/mcp/${SERVER}`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${key}`, ...session },
    });
    expect(ended.status).toBe(200);
    await until("the session with the server has ended", () =>
      received.some(({ method }) => method === "DELETE"),
    );
    expect(new Set(received.map(({ method }) => method))).toEqual(
      new Set(["POST", "GET", "DELETE"]),
    );
    expect(received.length).toBeGreaterThan(6);
    for (const { headers } of received) expect(headers).toMatchObject({ "x-tenant": "acme" });
  });
});
