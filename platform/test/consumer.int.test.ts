import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { startRedis } from "@gatewayops/engines/redis";
import { Redis } from "ioredis";
import { Registry } from "prom-client";
import { hexOf } from "../src/ids.ts";
import { createLogger } from "../src/log.ts";
import { startStreamConsumer, type StreamConsumerOptions } from "../src/streams/consumer.ts";
import { createShardSeat, seatKeys } from "../src/streams/consumer-lease.ts";
import { makeRecord, payloadOf } from "../src/streams/consumer-testing.ts";
import { shardKeys, shipFrame, type ConsumerName } from "../src/streams/event-stream.ts";

const START_US = 1_795_444_200_000_000n;
const log = createLogger({
  service: "test",
  level: "silent",
  format: "json",
  maskSensitive: false,
});

let redisUrl: string;
let stopRedis: () => Promise<void>;
let redis: Redis;
let shard = 100;
const endings: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const url = process.env["GWO_REDIS_URL"];
  if (url !== undefined) {
    redisUrl = url;
    stopRedis = () => Promise.resolve();
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), "gwo-consumer-"));
  const engine = await startRedis({
    dataDir: join(directory, "redis"),
    logFile: join(directory, "redis.log"),
    enginesDir: fileURLToPath(new URL("../../.gatewayops/engines", import.meta.url)),
    port: 0,
  });
  redisUrl = engine.url;
  stopRedis = async () => {
    await engine.stop();
    rmSync(directory, { recursive: true, force: true });
  };
}, 120_000);

afterAll(() => stopRedis());

beforeEach(async () => {
  shard += 1;
  redis = new Redis(redisUrl);
  await deleteShard();
});

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  redis.disconnect();
});

async function deleteShard(): Promise<void> {
  const keys = await redis.keys(`gwo:{events:${shard}}*`);
  if (keys.length > 0) await redis.del(keys);
}

/** Ships frames of records, numbered from `from` on, and returns the call ids. */
async function ship(frames: number, recordsPerFrame = 2, from = 1): Promise<string[]> {
  const ids: string[] = [];
  for (let frame = from; frame < from + frames; frame += 1) {
    const records = Array.from({ length: recordsPerFrame }, () => makeRecord(START_US));
    ids.push(...records.map((record) => hexOf(record.intent?.callId ?? new Uint8Array())));
    await shipFrame(
      { redis, shard, newGeneration: "g1", maxLength: 100_000 },
      {
        logId: "ab".repeat(16),
        sequence: frame,
        previousSequence: frame - 1,
        payload: payloadOf(records),
      },
    );
  }
  return ids;
}

/** A running consumer and everything it stored. */
function consume(options: Partial<StreamConsumerOptions> = {}): {
  stored: string[];
  batches: number[];
  registry: Registry;
  end(): Promise<void>;
  kill(): void;
} {
  const stored: string[] = [];
  const batches: number[] = [];
  const registry = new Registry();
  const ending = new AbortController();
  const commands = new Redis(redisUrl, { maxRetriesPerRequest: 2 });
  const blocking = new Redis(redisUrl, { maxRetriesPerRequest: 2 });
  for (const client of [commands, blocking]) client.on("error", () => undefined);
  const store: StreamConsumerOptions["store"] = (records) => {
    batches.push(records.length);
    stored.push(...records.map((record) => hexOf(record.intent?.callId ?? new Uint8Array())));
    return Promise.resolve();
  };
  const { done } = startStreamConsumer({
    redis: commands,
    blockingRedis: blocking,
    consumer: "cost",
    shard,
    log,
    registry,
    signal: ending.signal,
    batchMaxMs: 20,
    leaseMs: 1_000,
    store,
    ...options,
  });
  const end = async (): Promise<void> => {
    ending.abort();
    await done;
    commands.disconnect();
    blocking.disconnect();
  };
  endings.push(end);
  // A killed process says nothing more to Redis.
  const kill = (): void => {
    commands.disconnect();
    blocking.disconnect();
    ending.abort();
  };
  return { stored, batches, registry, end, kill };
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (!(await what())) {
    if (performance.now() > deadline) throw new Error("did not happen within 15 s");
    await sleep(10);
  }
}

async function positionOf(consumer: ConsumerName): Promise<string | null> {
  return redis.hget(shardKeys(shard).positions, consumer);
}

async function valueOf(registry: Registry, metric: string): Promise<number | undefined> {
  const found = await registry.getSingleMetric(metric)?.get();
  return found?.values[0]?.value;
}

describe("the consumer", () => {
  it("stores every record in order, commits, and keeps what the other consumer has not stored", async () => {
    const before = await ship(5);
    const cost = consume();
    await until(() => cost.stored.length === 10);
    const after = await ship(5, 2, 6);
    await until(() => cost.stored.length === 20);
    expect(cost.stored).toEqual([...before, ...after]);
    const lastId = (await redis.xrevrange(shardKeys(shard).stream, "+", "-", "COUNT", 1))[0]?.[0];
    await until(async () => (await positionOf("cost")) === lastId);
    expect(await redis.xlen(shardKeys(shard).stream)).toBe(10);

    const trace = consume({ consumer: "trace" });
    await until(async () => (await positionOf("trace")) === lastId);
    expect(trace.stored).toEqual([...before, ...after]);
    // The last entry stays, so that producers can read the stream's last id.
    expect(await redis.xrange(shardKeys(shard).stream, "-", "+")).toHaveLength(1);
    await until(async () => (await valueOf(cost.registry, "gateway_consumer_lag_entries")) === 0);
  });

  it("stores at once after a pause, and what follows closely together", async () => {
    const cost = consume({ batchMaxMs: 2_000 });
    const start = performance.now();
    await ship(1);
    await until(() => cost.batches.length === 1);
    expect(performance.now() - start).toBeLessThan(1_500);
    for (let frame = 1; frame <= 5; frame += 1) {
      await ship(1, 1, frame + 1);
      await sleep(30);
    }
    await until(() => cost.batches.length === 2);
    expect(cost.batches[1]).toBe(5);
  });

  it("begins before the first frame was ever shipped", async () => {
    const cost = consume();
    await until(async () => (await redis.exists(seatKeys(shard, "cost").lease)) === 1);
    const ids = await ship(3);
    await until(() => cost.stored.length >= 6);
    expect(cost.stored).toEqual(ids);
  });

  it("makes batches of about the size that is asked for", async () => {
    await ship(200, 10);
    const cost = consume({ batchMaxRecords: 100 });
    await until(() => cost.stored.length === 2_000);
    expect(Math.max(...cost.batches)).toBeLessThanOrEqual(640);
  });

  it("stores again what was stored but not committed before a kill", async () => {
    const ids = await ship(4);
    let release: () => void = () => undefined;
    const seen: string[] = [];
    const first = consume({
      store: (records) => {
        seen.push(...records.map((record) => hexOf(record.intent?.callId ?? new Uint8Array())));
        return new Promise((resolve) => (release = resolve));
      },
    });
    await until(() => seen.length === 8);
    first.kill();
    release();
    const second = consume();
    await until(() => second.stored.length === 8);
    expect(second.stored).toEqual(ids);
  });

  it("tells of records once when they are committed, and not when the lease is another's by then", async () => {
    const told: string[] = [];
    const idsOf: NonNullable<StreamConsumerOptions["onCommitted"]> = (records) =>
      void told.push(...records.map((record) => hexOf(record.intent?.callId ?? new Uint8Array())));
    let isStolen = false;
    const ids = await ship(2);
    const first = consume({
      onCommitted: idsOf,
      store: async () => {
        if (isStolen) return;
        isStolen = true;
        // Another replica reads the shard while this one stores.
        const { lease, state } = seatKeys(shard, "cost");
        await redis.multi().set(lease, "other 1").hincrby(state, "epoch", 1).exec();
      },
    });
    await until(() => isStolen);
    await until(async () => (await redis.get(seatKeys(shard, "cost").lease)) === "other 1");
    await first.end();
    expect(told).toEqual([]);
    await redis.del(seatKeys(shard, "cost").lease);
    consume({ onCommitted: idsOf });
    await until(() => told.length >= ids.length);
    expect(told).toEqual(ids);
  });

  it("lets one replica read a shard, and another take over when it falls silent", async () => {
    const first = consume();
    await until(async () => (await redis.exists(seatKeys(shard, "cost").lease)) === 1);
    const second = consume();
    await ship(3);
    await until(() => first.stored.length === 6);
    expect(second.stored).toEqual([]);
    first.kill();
    const later = await ship(3, 2, 4);
    await until(() => second.stored.length >= 6);
    expect(second.stored).toEqual(later);
  });

  it("gives its lease back when it ends, so that nobody waits", async () => {
    const first = consume({ leaseMs: 60_000 });
    await ship(1);
    await until(() => first.stored.length === 2);
    await first.end();
    expect(await redis.exists(seatKeys(shard, "cost").lease)).toBe(0);
    const second = consume();
    await ship(1, 2, 2);
    await until(() => second.stored.length === 2);
  });

  it("starts from the beginning when Redis lost its data", async () => {
    const cost = consume();
    await ship(3);
    await until(() => cost.stored.length === 6);
    await deleteShard();
    // The producer ships everything that was not committed again, under a new generation.
    const records = [makeRecord(START_US)];
    await shipFrame(
      { redis, shard, newGeneration: "g2", maxLength: 100 },
      { logId: "cd".repeat(16), sequence: 1, previousSequence: 0, payload: payloadOf(records) },
    );
    const id = hexOf(records[0]?.intent?.callId ?? new Uint8Array());
    await until(() => cost.stored.includes(id));
    await until(
      async () => (await redis.hget(seatKeys(shard, "cost").state, "generation")) === "g2",
    );
  });

  it("reads from the beginning when only the generation is another", async () => {
    const cost = consume();
    const ids = await ship(3);
    await until(async () => (await positionOf("cost")) !== null && cost.stored.length === 6);
    await redis.set(shardKeys(shard).generation, "g2");
    await until(() => cost.stored.length === 12);
    expect(cost.stored.slice(6)).toEqual(ids);
  });

  it("does not move the position of a lease it has lost", async () => {
    await ship(1);
    const seat = (owner: string) =>
      createShardSeat({ redis, shard, consumer: "cost", owner, leaseMs: 50 });
    const old = seat("old");
    const lost = await old.acquire();
    if (!lost) throw new Error("the lease was not free");
    await sleep(80);
    const next = await seat("new").acquire();
    expect(next?.epoch).toBeGreaterThan(lost.epoch);
    await expect(old.commit(lost, { generation: "g1", id: "9-9", entries: 1 })).rejects.toThrow(
      "moved",
    );
    expect(await positionOf("cost")).toBeNull();
  });

  it("holds on to a lease that ended but that nobody took", async () => {
    await ship(1);
    const seat = createShardSeat({ redis, shard, consumer: "cost", owner: "busy", leaseMs: 50 });
    const lease = await seat.acquire();
    if (!lease) throw new Error("the lease was not free");
    await sleep(80);
    expect(await redis.exists(seatKeys(shard, "cost").lease)).toBe(0);
    await seat.commit(lease, { generation: "g1", id: "9-9", entries: 1 });
    expect(await positionOf("cost")).toBe("9-9");
  });

  it("puts aside what it cannot read and goes on", async () => {
    const bad = makeRecord(START_US, { intent: { orgId: new Uint8Array(3) } });
    const good = makeRecord(START_US);
    const options = { redis, shard, newGeneration: "g1", maxLength: 100 };
    const logId = "ef".repeat(16);
    await shipFrame(options, {
      logId,
      sequence: 1,
      previousSequence: 0,
      payload: Buffer.from([0xff, 0xff]),
    });
    await shipFrame(options, {
      logId,
      sequence: 2,
      previousSequence: 1,
      payload: payloadOf([bad, good]),
    });
    const cost = consume();
    await until(() => cost.stored.length === 1);
    expect(cost.stored).toEqual([hexOf(good.intent?.callId ?? new Uint8Array())]);
    await until(async () => (await positionOf("cost")) !== null);
    const dead = await redis.xrange(seatKeys(shard, "cost").dead, "-", "+");
    expect(dead.map(([, fields]) => fields[5])).toEqual([
      expect.stringContaining("no CallEventBatch"),
      "an organisation id is not 16 bytes long",
    ]);
    expect(await valueOf(cost.registry, "gateway_consumer_dead_entries_total")).toBe(2);
  });

  it("tries again for as long as the store fails, one batch at a time", async () => {
    const ids = await ship(2);
    let failures = 0;
    const stored: string[] = [];
    const cost = consume({
      store: (records) => {
        if (failures < 3) {
          failures += 1;
          return Promise.reject(new Error("the store is away"));
        }
        stored.push(...records.map((record) => hexOf(record.intent?.callId ?? new Uint8Array())));
        return Promise.resolve();
      },
    });
    await until(() => stored.length === 4);
    expect(stored).toEqual(ids);
    expect(await valueOf(cost.registry, "gateway_consumer_store_failures_total")).toBe(3);
  });

  it("goes on after its connections broke", async () => {
    const cost = consume();
    await ship(2);
    await until(() => cost.stored.length === 4);
    await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    const later = await ship(2, 2, 3);
    await until(() => later.every((id) => cost.stored.includes(id)));
  });
});
