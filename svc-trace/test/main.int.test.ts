import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startRedis } from "@gatewayops/engines/redis";
import { hexOf } from "@gatewayops/platform/ids";
import { runProgram, type ProcessRun } from "@gatewayops/platform/process-testing";
import { makeRecord, payloadOf } from "@gatewayops/platform/streams/consumer-testing";
import { shipFrame } from "@gatewayops/platform/streams/event-stream";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Redis } from "ioredis";
import { startStore, type TestStore } from "./engines.ts";
import { startHttpReceiver, type Receiver } from "./otlp-receivers.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const CALLS = 1_000;
const FRAME_CALLS = 20;

let store: TestStore;
let redis: Redis;
let redisUrl: string;
let receiver: Receiver;
const closings: (() => unknown)[] = [];

beforeAll(async () => {
  store = await startStore();
  closings.push(() => store.stop());
  const directory = mkdtempSync(join(tmpdir(), "gwo-trace-main-"));
  const engine = await startRedis({
    dataDir: join(directory, "redis"),
    logFile: join(directory, "redis.log"),
    enginesDir: fileURLToPath(new URL("../../.gatewayops/engines", import.meta.url)),
    port: 0,
  });
  redisUrl = engine.url;
  redis = new Redis(redisUrl);
  receiver = await startHttpReceiver(() => undefined);
  closings.push(
    () => {
      rmSync(directory, { recursive: true, force: true });
    },
    () => engine.stop(),
    () => {
      redis.disconnect();
    },
    () => receiver.stop(),
  );
}, 120_000);

afterAll(async () => {
  for (const close of closings.reverse()) await close();
}, 60_000);

/** A replica that is ready. */
async function startReplica(): Promise<ProcessRun & { readonly httpPort: number }> {
  const run = runProgram(MAIN, [], {
    GWO_REDIS_URL: redisUrl,
    GWO_CLICKHOUSE_URL: store.clickhouseUrl,
    // Nobody is there: names and days of keeping are not known, which holds nothing up.
    GWO_AUTH_URL: "http://127.0.0.1:1",
    GWO_INTERNAL_SECRET: "x".repeat(32),
    GWO_SVC_TRACE_HTTP_PORT: "0",
    GWO_SVC_TRACE_GRPC_PORT: "0",
    GWO_EVENT_BATCH_TIME: "50ms",
    GWO_EVENT_LEASE_TIME: "2s",
    GWO_OTLP_ENDPOINT: receiver.endpoint,
    GWO_OTLP_HEADERS: "x-api-key=sesame",
    GWO_OTLP_SERVICE_NAME: "the gateway",
  });
  closings.push(() => run.child.kill("SIGKILL"));
  const line = await run.line((text) => text.includes('"message":"ready"'));
  const { httpPort } = JSON.parse(line) as { httpPort: number };
  return { ...run, httpPort };
}

async function ship(records: readonly CallCompletion[], frame: number): Promise<void> {
  await shipFrame(
    { redis, shard: 0, newGeneration: "g1", maxLength: 100_000 },
    {
      logId: "ab".repeat(16),
      sequence: frame,
      previousSequence: frame - 1,
      payload: payloadOf(records),
    },
  );
}

async function until(what: string, check: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!check()) {
    if (performance.now() > deadline) throw new Error(`${what}: not so after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("svc-trace with an OTLP receiver", () => {
  it("sends each call on once, though the replica that reads the shard ends and another takes over", async () => {
    const first = await startReplica();
    const second = await startReplica();
    const sent: string[] = [];
    for (let frame = 1; frame <= CALLS / FRAME_CALLS; frame += 1) {
      const nowUs = BigInt(Date.now()) * 1_000n;
      const records = Array.from({ length: FRAME_CALLS }, () => makeRecord(nowUs));
      sent.push(...records.map(({ intent }) => hexOf(intent?.spanId ?? new Uint8Array())));
      await ship(records, frame);
      if (frame === 25) {
        await until("some calls were sent", () => receiver.spans.length > 0);
        // It reads the shard: the second was started when the lease was taken.
        first.child.kill("SIGTERM");
      }
    }
    expect(await first.exited).toBe(0);
    await until("all calls were sent", () => receiver.spans.length >= CALLS);
    expect(receiver.spans.map(({ spanId }) => spanId).sort()).toEqual(sent.sort());
    expect(receiver.spans.every(({ service }) => service === "the gateway")).toBe(true);
    expect(receiver.headers.every((headers) => headers["x-api-key"] === "sesame")).toBe(true);
    const metrics = await (await fetch(`http://127.0.0.1:${second.httpPort}/metrics`)).text();
    const told = /^trace_otlp_sent_calls_total (\d+)$/m.exec(metrics)?.[1];
    expect(Number(told)).toBeGreaterThan(0);
    expect(Number(told)).toBeLessThan(CALLS);
    for (const run of [first, second]) expect(run.output()).not.toContain("sesame");
    second.child.kill("SIGTERM");
    expect(await second.exited).toBe(0);
  }, 120_000);

  it("refuses to start with headers that are none, and does not repeat them", async () => {
    const run = runProgram(MAIN, [], {
      GWO_REDIS_URL: redisUrl,
      GWO_CLICKHOUSE_URL: store.clickhouseUrl,
      GWO_AUTH_URL: "http://127.0.0.1:1",
      GWO_INTERNAL_SECRET: "x".repeat(32),
      GWO_OTLP_HEADERS: "sesame",
    });
    expect(await run.exited).toBe(78);
    expect(run.output()).toContain("GWO_OTLP_HEADERS");
    expect(run.output()).not.toContain("sesame");
  });
});
