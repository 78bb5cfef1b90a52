import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { startLegacyServer } from "./conformance/fixtures/legacy-server.ts";
import type { LoopbackServer } from "./conformance/fixtures/loopback.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { createWaitingTool, WAITING_TOOL } from "./waiting-tool.ts";
import {
  answerResult,
  startBench,
  type Bench,
  type BenchOptions,
  type UpstreamHandler,
} from "./worker-bench.ts";

let engine: OwnRedis;
let server: LoopbackServer;
let bench: Bench | undefined;
const waiting = createWaitingTool();

beforeAll(async () => {
  engine = await startOwnRedis();
  server = await startLegacyServer({ plainTools: [waiting.tool] });
}, 120_000);

afterAll(async () => {
  await server.close();
  await engine.stop();
});

afterEach(async () => {
  await bench?.close();
  bench = undefined;
});

const INITIALIZE = {
  jsonrpc: "2.0",
  id: "hello",
  method: "initialize",
  params: {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "test", version: "1" },
  },
};

/** Starts a worker. @returns headers of a session that has begun */
async function begin(options: Omit<BenchOptions, "redisUrl"> = {}): Promise<SessionHeaders> {
  bench = await startBench({
    redisUrl: engine.url,
    ...(options.upstream ? {} : { upstreamUrl: server.url }),
    ...options,
  });
  return beginAnother();
}

async function beginAnother(): Promise<SessionHeaders> {
  await bench!.connected();
  const hello = await bench!.post(INITIALIZE);
  await hello.text();
  const id = hello.headers.get("mcp-session-id") ?? "";
  return {
    "mcp-session-id": id,
    "mcp-protocol-version": "2025-11-25",
  };
}

type SessionHeaders = Record<string, string>;

const call = (id: unknown, name: string, args: object = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: args },
});

describe("a call that its agent cancelled in a session", () => {
  it("is let go, and is no failure of the server", async () => {
    // More of them than failures after which a server is left alone.
    const headers = await begin({ env: { GWO_DEFAULT_TIMEOUT: "60s" } });
    const ids = Array.from({ length: 8 }, (_, at) => `cancelled-${String(at)}`);
    const answers = ids.map((id) => bench!.post(call(id, WAITING_TOOL, { id }), { headers }));
    await until("all have begun", () => ids.every((id) => waiting.begun.has(id)));
    for (const requestId of ids) {
      const method = "notifications/cancelled";
      const told = await bench!.post(
        { jsonrpc: "2.0", method, params: { requestId } },
        { headers },
      );
      expect(told.status).toBe(202);
    }
    await until("the server has heard of all", () => ids.every((id) => waiting.cancelled.has(id)));
    // It does not answer them: without more they would hold a connection each until they count as timeouts.
    await Promise.all(answers.map(async (answer) => (await answer).text().catch(() => "")));
    await until("all are recorded", () => bench!.records().length === ids.length);
    expect(bench!.records().map(({ outcome }) => outcome)).toEqual(
      ids.map(() => Outcome.CANCELLED),
    );
    const after = await bench!.post(call("after", "test_simple_text"), { headers });
    expect(await after.text()).toContain("This is a simple text response for testing.");
  });
});

const PLENTY = { rateRps: 100_000, rateBurst: 100_000 };

/** A server that holds open what it is asked for, but for the tool "quick". */
function holdingServer(): { handler: UpstreamHandler; held: () => number; letGo: () => void } {
  const held: (() => void)[] = [];
  return {
    held: () => held.length,
    letGo: () => {
      for (const end of held) end();
    },
    handler(message, response, request) {
      if (message.method === "initialize") {
        response.writeHead(200, { "content-type": "application/json", "mcp-session-id": "s-1" });
        const result = {
          protocolVersion: "2025-11-25",
          capabilities: {},
          serverInfo: { name: "holding", version: "1" },
        };
        response.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }));
      } else if (message.method === "server/discover") response.writeHead(404).end();
      else if (request.method === "DELETE") response.writeHead(200).end();
      else if (request.method === "GET" || message.params?.["name"] === "slow") {
        const answer = { jsonrpc: "2.0", id: message.id, result: { content: [] } };
        held.push(() => response.end(`data: ${JSON.stringify(answer)}\n\n`));
        response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      } else answerResult(message, response, request);
    },
  };
}

describe("what must not wait behind calls", () => {
  it("are calls themselves, behind more streams than there may be calls", async () => {
    const { handler, held } = holdingServer();
    const env = { GWO_MAX_STREAMS_PER_KEY: "300" };
    const headers = await begin({ upstream: handler, env });
    const stop = new AbortController();
    const open = Array.from({ length: 300 }, () =>
      fetch(`${bench!.url}/v1/mcp/echo`, {
        headers: { ...headers, authorization: `Bearer ${bench!.key}`, accept: "text/event-stream" },
        signal: stop.signal,
      }),
    );
    await Promise.all(open);
    expect(held()).toBe(300);
    const answer = await bench!.post(call(1, "quick"), { headers });
    expect(answer.status).toBe(200);
    stop.abort();
  });

  it("are answers that calls wait for, behind as many calls as there may be", async () => {
    const { handler, held, letGo } = holdingServer();
    const headers = await begin({ upstream: handler, scopes: PLENTY });
    const running = Array.from({ length: 256 }, (_, id) =>
      bench!.post(call(id, "slow"), { headers }),
    );
    await Promise.all(running);
    expect(held()).toBe(256);
    const answer = { jsonrpc: "2.0", id: "asked", result: { action: "accept" } };
    expect((await bench!.post(answer, { headers })).ok).toBe(true);
    letGo();
    for (const call of running) await (await call).text();
  });
});

describe("a session with an open stream", () => {
  it("does not end while one that was begun later and abandoned does", async () => {
    const { handler, held } = holdingServer();
    const watching = await begin({ upstream: handler, env: { GWO_SESSION_TTL: "2s" } });
    const stop = new AbortController();
    await fetch(`${bench!.url}/v1/mcp/echo`, {
      headers: { ...watching, authorization: `Bearer ${bench!.key}`, accept: "text/event-stream" },
      signal: stop.signal,
    });
    expect(held()).toBe(1);
    const abandoned = await beginAnother();
    await until("a session has ended at the server", () =>
      bench!.received.some(({ method }) => method === "DELETE"),
    );
    const statusOf = async (headers: SessionHeaders) =>
      (await bench!.post(call(1, "quick"), { headers })).status;
    expect(await statusOf(watching)).toBe(200);
    expect(await statusOf(abandoned)).toBe(404);
    stop.abort();
  });
});

describe("a session of the gateway's own with a server, for agents that have none", () => {
  const deletions = () => bench!.received.filter(({ method }) => method === "DELETE").length;

  /** Calls as agents of the modern era do, which have no sessions. */
  async function callOnce(ttl: string): Promise<void> {
    const { handler } = holdingServer();
    bench = await startBench({
      redisUrl: engine.url,
      upstream: handler,
      env: { GWO_SESSION_TTL: ttl },
    });
    const answer = await bench.post(
      { tool: "echo", arguments: {} },
      { path: "/v1/mcp/echo/tools/call" },
    );
    expect(answer.status).toBe(200);
    expect(deletions()).toBe(0);
  }

  it("ends when it was not used for the time that sessions live", async () => {
    await callOnce("1s");
    await until("the session has ended at the server", () => deletions() === 1);
  });

  it("ends with the gateway", async () => {
    await callOnce("1h");
    const closing = bench!;
    bench = undefined;
    await closing.close();
    expect(closing.received.filter(({ method }) => method === "DELETE")).toHaveLength(1);
  });
});
