import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { grpcJsClient } from "../grpc-js-client.ts";
import {
  makeKey,
  makeServer,
  revokeKey,
  signIn,
  type Admin,
  type MadeKey,
} from "./control-plane.ts";
import { connectClient } from "./control-plane-clients.ts";
import { bearer, callTool, readStack, send, waitFor, type Answer } from "./stack.ts";

const stack = readStack();
const AGENT_SPAN = "00f067aa0ba902b7";
const TRACE = "0af7651916cd43dd8448eb211c80319c".replace(/^.{8}/, () =>
  Math.floor(Math.random() * 0xffff_ffff)
    .toString(16)
    .padStart(8, "0"),
);

let admin: Admin;
let key: MadeKey;
let server: Server;
let name: string;

/** An MCP server whose tool "outer" calls its tool "inner" through the gateway, in the context it was called in. */
beforeAll(async () => {
  admin = await signIn(stack);
  key = await makeKey(admin, { permissions: ["traces:read"] });
  server = createServer((request, response) => {
    void (async () => {
      const message = JSON.parse((await text(request)) || "{}") as {
        id?: unknown;
        method?: string;
        params?: { name?: string };
      };
      if (message.method === "tools/call" && message.params?.name === "outer")
        await send(`${stack.gatewayUrl}/v1/mcp/${name}/tools/call`, {
          headers: { ...bearer(key.secret), traceparent: String(request.headers["traceparent"]) },
          body: { tool: "inner", arguments: {} },
        });
      const tools = ["outer", "inner"].map((tool) => ({
        name: tool,
        inputSchema: { type: "object" },
      }));
      const results: Readonly<Record<string, object>> = {
        initialize: {
          protocolVersion: "2025-06-18",
          capabilities: { tools: {} },
          serverInfo: { name: "nested", version: "1" },
        },
        "tools/list": { tools },
        "tools/call": { content: [{ type: "text", text: "done" }] },
      };
      const isRequest = message.id !== undefined;
      response.writeHead(isRequest ? 200 : 202, { "content-type": "application/json" });
      const result = results[message.method ?? ""] ?? {};
      response.end(isRequest ? JSON.stringify({ jsonrpc: "2.0", id: message.id, result }) : "");
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  name = await makeServer(admin, { url: `http://127.0.0.1:${String(port)}/mcp` });
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const call = (tool: string, secret = key.secret): Promise<Answer> =>
  callTool(stack, secret, { server: name, tool, arguments: {} });

const requestIdOf = (answer: Answer): string => answer.headers.get("x-request-id") ?? "";

type Span = { span_id: string; parent_span_id: string; operation: string; tool_name: string };

describe("a trace", () => {
  it("joins a call and the call that its tool made, with a span for each stage", async () => {
    const answer = await send(`${stack.gatewayUrl}/v1/mcp/${name}/tools/call`, {
      headers: { ...bearer(key.secret), traceparent: `00-${TRACE}-${AGENT_SPAN}-01` },
      body: { tool: "outer", arguments: {} },
    });
    expect(answer.status).toBe(200);
    const path = `${stack.gatewayUrl}/v1/traces/${TRACE}`;
    await waitFor("both calls are in the trace", 10_000, async () => {
      const { json } = await send(path, { headers: bearer(key.secret) });
      return (json as { trace?: { call_count: number } }).trace?.call_count === 2
        ? true
        : undefined;
    });
    const { json } = await send(`${path}/spans`, { headers: bearer(key.secret) });
    const { spans } = json as { spans: Span[] };
    const [outer, inner] = spans.filter(({ operation }) => operation === "gateway.request");
    expect([outer?.tool_name, inner?.tool_name]).toEqual(["outer", "inner"]);
    expect([outer?.parent_span_id, inner?.parent_span_id]).toEqual([AGENT_SPAN, outer?.span_id]);
    const stages = spans.filter(({ parent_span_id: parent }) => parent === inner?.span_id);
    expect(stages.map(({ operation }) => operation)).toEqual(
      expect.arrayContaining([
        ...["gateway.auth", "gateway.rate_limit", "gateway.log", "gateway.mcp_proxy"],
      ]),
    );
  });

  it("is found by what one of its calls did", async () => {
    const requestId = requestIdOf(await call("inner"));
    const search = async (conditions: object): Promise<string[]> => {
      const body = {
        start_time: new Date(Date.now() - 600_000).toISOString(),
        end_time: new Date(Date.now() + 60_000).toISOString(),
        ...conditions,
      };
      const found = await send(`${stack.gatewayUrl}/v1/traces/search`, {
        headers: bearer(key.secret),
        body,
      });
      expect(found.status).toBe(200);
      return (found.json as { traces: { id: string }[] }).traces.map(({ id }) => id);
    };
    const byId = await waitFor("the call is found", 10_000, async () => {
      const ids = await search({ request_id: requestId });
      return ids.length > 0 ? ids : undefined;
    });
    expect(byId).toHaveLength(1);
    const wanted = { mcp_server: name, tool_name: "inner", face: "rest", method: "tools/call" };
    expect(await search({ ...wanted, api_key_id: key.id, outcome: "ok" })).toContain(byId[0]);
    expect(await search({ ...wanted, max_cost: 0, trace_id: byId[0] })).toEqual(byId);
    expect(await search({ ...wanted, min_cost: 0.000001 })).toEqual([]);
    expect(await search({ ...wanted, min_duration_ms: 600_000 })).toEqual([]);
    expect(await search({ ...wanted, reason: "RATE_LIMITED" })).toEqual([]);
  });
});

describe("the stream of new calls", () => {
  /** Milliseconds from an answer to its call in the stream: stored within two seconds, and asked for each second. */
  const SEEN_MS = 4_000;

  it("tells of a call by REST, gRPC and Connect", async () => {
    const hangUp = new AbortController();
    const seen = { rest: [] as string[], grpc: [] as string[], connect: [] as string[] };
    const begun = new Set<string>();
    const filter = `mcp_server=${name}&tool_name=inner`;
    const response = await fetch(`${stack.gatewayUrl}/v1/traces/tail?${filter}`, {
      headers: bearer(key.secret),
      signal: hangUp.signal,
    });
    const rest = readLines(response, (line) => {
      begun.add("rest");
      const { calls } = line as { calls: { request_id: string }[] };
      seen.rest.push(...calls.map(({ request_id: id }) => id));
    }).catch(() => undefined);
    const grpc = grpcJsClient(TraceService, new URL(stack.grpcUrl).host);
    const request = { mcp_server: name, tool_name: "inner" };
    const options = { metadata: bearer(key.secret), timeoutMs: 60_000 };
    const stream = grpc.stream("TailTraces", request, options);
    stream.on("error", () => undefined);
    stream.on("data", ({ calls }: { calls: { request_id: string }[] }) => {
      begun.add("grpc");
      seen.grpc.push(...calls.map(({ request_id: id }) => id));
    });
    const connect = (async () => {
      const messages = connectClient(TraceService, stack, key.secret).tailTraces(
        { mcpServer: name, toolName: "inner" },
        { signal: hangUp.signal },
      );
      for await (const { calls } of messages) {
        begun.add("connect");
        seen.connect.push(...calls.map(({ requestId }) => requestId));
      }
    })().catch(() => undefined);
    await waitFor("all streams have begun", 15_000, () => begun.size === 3 || undefined);
    const wanted = requestIdOf(await call("inner"));
    await call("outer");
    await waitFor(
      "every stream tells of both calls",
      SEEN_MS,
      () => Object.values(seen).every((ids) => ids.length === 2) || undefined,
    );
    for (const ids of Object.values(seen)) expect(ids).toContain(wanted);
    hangUp.abort();
    stream.cancel();
    grpc.close();
    await Promise.all([rest, connect]);
  });

  it("ends when its key is revoked", async () => {
    const mine = await makeKey(admin, { permissions: ["traces:read"] });
    const stream = connectClient(TraceService, stack, mine.secret).tailTraces({});
    let isFirst = true;
    const follow = async (): Promise<void> => {
      for await (const message of stream) {
        if (message.calls.length > 0) continue;
        if (isFirst) await revokeKey(admin, mine.id);
        isFirst = false;
      }
    };
    const error = await follow().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectError);
    expect([(error as ConnectError).code, (error as ConnectError).message]).toEqual([
      Code.Unauthenticated,
      expect.stringContaining("revoked"),
    ]);
  }, 30_000);

  it("is refused to a key without the permission", async () => {
    const mine = await makeKey(admin, { permissions: ["costs:read"] });
    const answer = await send(`${stack.gatewayUrl}/v1/traces/tail`, {
      headers: bearer(mine.secret),
    });
    expect(answer.status).toBe(403);
  });
});

async function readLines(response: Response, onLine: (line: unknown) => void): Promise<void> {
  let rest = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(JSON.parse(line));
  }
}
