import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { startLegacyServer } from "./conformance/fixtures/legacy-server.ts";
import type { LoopbackServer } from "./conformance/fixtures/loopback.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { createWaitingTool, WAITING_TOOL } from "./waiting-tool.ts";
import { startBench, type Bench, type BenchOptions } from "./worker-bench.ts";

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

/** Headers of a session that has begun. */
async function begin(options: Omit<BenchOptions, "redisUrl"> = {}): Promise<SessionHeaders> {
  bench = await startBench({ redisUrl: engine.url, upstreamUrl: server.url, ...options });
  const hello = await bench.post(INITIALIZE);
  await hello.text();
  return {
    "mcp-session-id": hello.headers.get("mcp-session-id") ?? "",
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
