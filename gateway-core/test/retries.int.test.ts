import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { McpServerSchema, ServerTransport } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { createLogger } from "@gatewayops/platform/log";
import { isRepeatable } from "../src/mcp/safe-methods.ts";
import { Holdings } from "../src/stages/holdings.ts";
import { createUpstreamRegistry } from "../src/upstream/registry.ts";
import { ServerCalls } from "../src/upstream/server-calls.ts";
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

type Era = "legacy" | "modern";
/** Where in an exchange the server's connection is cut. */
type Stage = "after the request" | "after the answer's head" | "within the answer's body";

const STAGES: readonly Stage[] = [
  "after the request",
  "after the answer's head",
  "within the answer's body",
];

/** Cuts the connection of the first execution of each method, and counts executions. */
class CuttingServer {
  readonly executions = new Map<string, number>();
  readonly #era: Era;
  readonly #stage: Stage;

  constructor(era: Era, stage: Stage) {
    this.#era = era;
    this.#stage = stage;
  }

  readonly handle: UpstreamHandler = ({ id, method = "" }, response) => {
    if (id === undefined) {
      response.writeHead(202).end();
      return;
    }
    const answer = (rest: object): string => JSON.stringify({ jsonrpc: "2.0", id, ...rest });
    if (method === "server/discover") {
      const result = {
        resultType: "complete",
        supportedVersions: ["2026-07-28"],
        capabilities: {},
      };
      const error = { code: -32_601, message: "no such method" };
      sendJson(response, answer(this.#era === "modern" ? { result } : { error }));
      return;
    }
    if (method === "initialize") {
      const result = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: {} };
      const error = { code: -32_022, message: "too old" };
      sendJson(response, answer(this.#era === "legacy" ? { result } : { error }));
      return;
    }
    const before = this.executions.get(method) ?? 0;
    this.executions.set(method, before + 1);
    const text = answer({ result: { resultType: "complete", content: [], tools: [] } });
    if (before > 0) sendJson(response, text);
    else this.#cut(response, text);
  };

  #cut(response: ServerResponse, text: string): void {
    if (this.#stage === "after the request") {
      response.destroy();
      return;
    }
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(text),
    });
    if (this.#stage === "within the answer's body") response.write(text.slice(0, 20));
    else response.flushHeaders();
    // What was written leaves before the connection breaks.
    setImmediate(() => response.socket?.end(() => response.destroy()));
  }
}

function sendJson(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "application/json" }).end(text);
}

const MODERN_META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
};

type Asking = { method: string; params: Record<string, unknown> };
const TOOL: Asking = { method: "tools/call", params: { name: "echo" } };
const READ: Asking = { method: "resources/read", params: { uri: "test://a" } };
const LIST: Asking = { method: "tools/list", params: {} };

/** Asks as an agent of an era, one of the legacy era in a session if it is to have one, and gives the HTTP status. */
async function askAs(
  face: Era | "REST",
  { method, params }: Asking,
  hasSession = true,
): Promise<number> {
  const { post } = bench!;
  const send = async (...args: Parameters<Bench["post"]>): Promise<Response> => {
    const response = await post(...args);
    await response.text();
    return response;
  };
  if (face === "REST") {
    const { name, ...rest } = params;
    const body = method === "tools/call" ? { tool: name, ...rest } : params;
    return (await send(body, { path: `/v1/mcp/${SERVER}/${method}` })).status;
  }
  if (face === "legacy") {
    const clientInfo = { name: "test", version: "1" };
    const hello = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo };
    const begun = hasSession
      ? await send({ jsonrpc: "2.0", id: 0, method: "initialize", params: hello })
      : undefined;
    const session = begun?.headers.get("mcp-session-id") ?? null;
    const headers: Record<string, string> = session === null ? {} : { "mcp-session-id": session };
    return (await send({ jsonrpc: "2.0", id: 1, method, params }, { headers })).status;
  }
  const name = (params["name"] ?? params["uri"]) as string | undefined;
  return (
    await send(
      { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: MODERN_META } },
      {
        headers: {
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": method,
          ...(name === undefined ? {} : { "mcp-name": name }),
        },
      },
    )
  ).status;
}

const FACES = ["legacy", "modern", "REST"] as const;
const CELLS = FACES.flatMap((face) =>
  (["legacy", "modern"] as const).map((server) => ({ face, server })),
);

describe.each(CELLS)("a $face agent with a $server server", ({ face, server }) => {
  it.each(STAGES)("when the connection breaks %s", async (stage) => {
    const cutting = new CuttingServer(server, stage);
    bench = await startBench({ redisUrl: engine.url, upstream: cutting.handle });
    const { executions } = cutting;
    // A modern server's tools are listed before the first call that the gateway makes of one: not what is tried here.
    expect(await askAs(face, READ)).toBe(stage === "after the request" ? 200 : 502);
    expect(executions.get("resources/read")).toBe(stage === "after the request" ? 2 : 1);
    // A list of a server of the same era is read whole before any of it is passed on, so it can be asked for again.
    const isRepeated = stage === "after the request" || face === server;
    expect(await askAs(face, LIST)).toBe(isRepeated ? 200 : 502);
    expect(executions.get("tools/list")).toBe(isRepeated ? 2 : 1);
    expect(await askAs(face, TOOL)).toBe(502);
    expect(executions.get("tools/call")).toBe(1);
  });
});

describe.each(FACES)("a %s agent whose server cannot be connected to", (face) => {
  it("has it tried as often as may be, tool calls too", async () => {
    const cutting = new CuttingServer(face === "legacy" ? "legacy" : "modern", "after the request");
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const body = Buffer.concat(chunks).toString("utf8");
        // A kept connection might take the next call with it.
        response.setHeader("connection", "close");
        cutting.handle(JSON.parse(body) as Parameters<UpstreamHandler>[0], response, request);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    bench = await startBench({
      redisUrl: engine.url,
      upstreamUrl: `http://127.0.0.1:${port}/mcp`,
      yaml: "mcp_servers:\n  max_retries: 2\n  circuit_breaker: { threshold: 100, timeout: 30s }\n",
    });
    const { records } = bench;
    // Of the server all is known but that it is gone: its era, and its tools.
    expect(await askAs(face, LIST)).toBe(200);
    expect(await askAs(face, TOOL)).toBe(502);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await askAs(face, TOOL, false)).toBe(502);
    await until("both are recorded", () => records().length === 2);
    expect(records().map(({ attempts }) => attempts)).toContain(3);
    expect(cutting.executions.get("tools/call")).toBe(1);
  });
});

describe.each(["legacy", "modern"] as const)(
  "a tool that was declared idempotent, of a %s server",
  (era) => {
    it.each(STAGES)("when the connection breaks %s", async (stage) => {
      const cutting = new CuttingServer(era, stage);
      bench = await startBench({ redisUrl: engine.url, upstream: cutting.handle });
      const registry = createUpstreamRegistry({
        breaker: { threshold: 100, windowMs: 30_000, openMs: 30_000, probes: 3, now: Date.now },
        bulkhead: { inFlight: 10, queued: 0, waitMs: 1 },
        inFlightMax: 10,
        messageMaxBytes: 1_000_000,
        mayConnect: () => true,
        discovery: undefined,
        now: Date.now,
        bridge: undefined,
        defaultTimeoutMs: 10_000,
      });
      const registered = create(McpServerSchema, {
        id: "0199a000-0000-7000-8000-000000000002",
        name: SERVER,
        url: bench.upstreamUrl,
        transport: ServerTransport.STREAMABLE_HTTP,
        enabled: true,
        settings: { idempotentTools: ["echo"] },
      });
      const upstream = registry.upstreamOf(registered, []);
      const log = createLogger({
        service: "test",
        level: "silent",
        format: "json",
        maskSensitive: true,
      });
      const sessions = new Holdings({ noun: "", bound: "", perKey: 10, total: 10 });
      const calls = new ServerCalls({
        now: Date.now,
        log,
        maxRetries: 3,
        sessions,
        idleMs: 60_000,
      });
      const call = (name: string): Promise<unknown> =>
        calls.ask(era, {
          upstream,
          method: "tools/call",
          message: Buffer.from(
            JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name } }),
          ),
          target: name,
          isSafe: isRepeatable(upstream, { method: "tools/call", target: name }),
          owner: "test",
          capabilities: "{}",
          clientInfo: undefined,
          logLevel: undefined,
          traceparent: "",
        });
      const isRepeated = stage === "after the request";
      const outcome = await call("echo").then(
        () => "answered",
        (error: unknown) => (error as { reason: string }).reason,
      );
      expect(outcome).toBe(isRepeated ? "answered" : "UPSTREAM_CLOSED");
      expect(cutting.executions.get("tools/call")).toBe(isRepeated ? 2 : 1);
      cutting.executions.clear();
      await expect(call("other")).rejects.toMatchObject({ reason: "UPSTREAM_CLOSED" });
      expect(cutting.executions.get("tools/call")).toBe(1);
      await calls.close();
      await registry.close();
    });
  },
);
