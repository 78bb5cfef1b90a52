import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { startBench, toolCall, type Bench } from "./worker-bench.ts";

let engine: OwnRedis;
let stuck: Server;
let stuckCalls = 0;
let bench: Bench | undefined;

beforeAll(async () => {
  engine = await startOwnRedis();
  // Takes every call and answers none.
  stuck = createServer((request) => {
    request.resume().on("end", () => stuckCalls++);
  });
  await new Promise<void>((resolve) => stuck.listen(0, "127.0.0.1", resolve));
}, 120_000);

afterAll(async () => {
  stuck.close();
  await engine.stop();
});

afterEach(async () => {
  stuck.closeAllConnections();
  stuckCalls = 0;
  await bench?.close();
  bench = undefined;
});

async function start(env: Record<string, string>): Promise<Bench> {
  const { port } = stuck.address() as AddressInfo;
  bench = await startBench({
    redisUrl: engine.url,
    others: { stuck: `http://127.0.0.1:${port}/mcp` },
    scopes: { rateRps: 100_000, rateBurst: 100_000 },
    env,
  });
  return bench;
}

describe("a server that answers nobody", () => {
  it("has a bounded number of calls in flight, and those to another server are answered", async () => {
    const { post, metrics } = await start({
      GWO_MAX_CALLS_PER_SERVER: "20",
      GWO_MAX_QUEUED_CALLS_PER_SERVER: "10",
      GWO_QUEUE_WAIT: "100ms",
    });
    const calls = Array.from({ length: 1_000 }, (_, id) =>
      post(toolCall(id), { path: "/v1/mcp/stuck" }).then(
        async (response) => ({
          status: response.status,
          retryAfter: response.headers.get("retry-after"),
          body: (await response.json()) as { id: unknown; error: { data: { reason: string } } },
        }),
        () => undefined,
      ),
    );
    let refused = 0;
    for (const call of calls) void call.then((answer) => (refused += answer ? 1 : 0));
    await until("all but those in flight are refused", () => refused === 980);
    expect(stuckCalls).toBe(20);
    for (let id = 0; id < 50; id++) {
      const response = await post(toolCall(id));
      expect(response.status).toBe(200);
      await response.text();
    }
    // The calls still hang: what answered above did not have to wait for them.
    expect(stuckCalls).toBe(20);
    expect(await metrics()).toContain('gateway_bounds_reached_total{bound="calls_of_server"} 980');
    stuck.closeAllConnections();
    const answers = (await Promise.all(calls)).filter((answer) => answer?.status === 503);
    expect(answers).toHaveLength(980);
    for (const answer of answers) {
      expect(answer?.retryAfter).toBe("1");
      expect(answer?.body.error.data.reason).toBe("OVERLOADED");
    }
  }, 60_000);

  it("still hears of a cancellation when calls fill it", async () => {
    const { post } = await start({
      GWO_MAX_CALLS_PER_SERVER: "1",
      GWO_MAX_QUEUED_CALLS_PER_SERVER: "0",
    });
    const hanging = post(toolCall(1), { path: "/v1/mcp/stuck" }).catch(() => undefined);
    await until("the call hangs", () => stuckCalls === 1);
    const refused = await post(toolCall(2), { path: "/v1/mcp/stuck" });
    expect(refused.status).toBe(503);
    await refused.text();
    const cancelled = {
      jsonrpc: "2.0",
      method: "notifications/cancelled",
      params: { requestId: 1 },
    };
    const note = post(cancelled, { path: "/v1/mcp/stuck" }).catch(() => undefined);
    await until("the notification arrives", () => stuckCalls === 2);
    stuck.closeAllConnections();
    await Promise.all([hanging, note]);
  }, 30_000);

  it("leaves no more in flight than the worker may have to all servers", async () => {
    const { post } = await start({ GWO_MAX_CALLS_PER_WORKER: "3" });
    const hanging = [1, 2, 3].map((id) =>
      post(toolCall(id), { path: "/v1/mcp/stuck" }).catch(() => undefined),
    );
    await until("the calls hang", () => stuckCalls === 3);
    const refused = await post(toolCall(4));
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { data: { reason: "OVERLOADED" } } });
    stuck.closeAllConnections();
    await Promise.all(hanging);
    const response = await post(toolCall(5));
    expect(response.status).toBe(200);
    await response.text();
  }, 30_000);
});
