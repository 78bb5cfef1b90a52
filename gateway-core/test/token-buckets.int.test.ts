import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { Redis } from "ioredis";
import { redisOptions } from "../src/cluster/redis-options.ts";
import type { BucketSpec } from "../src/control/principal.ts";
import { TokenBuckets, type Bucket } from "../src/stages/token-buckets.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";

let engine: OwnRedis;
let clients: Redis[] = [];
let lastId = 0;
/** The workers' clock. Redis has its own. */
let nowMs: number;

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

beforeEach(() => {
  nowMs = 1_000_000;
});

afterEach(() => {
  for (const client of clients) client.disconnect();
  clients = [];
});

const spec = (rps: number, burst: number): BucketSpec => ({
  scope: "key",
  id: `bucket-${++lastId}`,
  rps,
  burst,
  isObserved: false,
});

/** The buckets of one worker. */
async function worker(sharers = 2): Promise<TokenBuckets> {
  const redis = new Redis(engine.url, redisOptions());
  redis.on("error", () => undefined);
  clients.push(redis);
  await until("Redis is connected", () => redis.status === "ready");
  return new TokenBuckets({ redis, sharers, now: () => nowMs });
}

async function take(bucket: Bucket): Promise<boolean> {
  return bucket.takeNow() || bucket.takeLater();
}

/** How many of so many calls at once are let through. */
async function takeMany(bucket: Bucket, calls: number): Promise<number> {
  const verdicts = await Promise.all(Array.from({ length: calls }, () => take(bucket)));
  return verdicts.filter(Boolean).length;
}

describe("TokenBuckets", () => {
  it("give exactly a small limit's burst, however many call at once", async () => {
    // One per 1000 s: nothing is refilled while the test runs.
    const limit = { ...spec(1, 10), rps: 0.001 };
    const bucket = (await worker()).bucket(limit);
    expect(await takeMany(bucket, 50)).toBe(10);
    expect(await take(bucket)).toBe(false);
    expect(bucket.retryAfterMs).toBeGreaterThan(900_000);
    expect(bucket.remaining).toBe(0);
  });

  it("share one limit among workers, to the token", async () => {
    const limit = { ...spec(1, 40), rps: 0.001 };
    const workers = await Promise.all([worker(), worker()]);
    const taken = await Promise.all(workers.map((one) => takeMany(one.bucket(limit), 100)));
    expect(taken[0]! + taken[1]!).toBe(40);
  });

  it("never let more through than burst and rate allow, at full speed from two workers", async () => {
    const limit = spec(400, 100);
    const workers = await Promise.all([worker(), worker()]);
    const begun = performance.now();
    let passed = 0;
    await Promise.all(
      workers.map(async (one) => {
        const bucket = one.bucket(limit);
        while (performance.now() - begun < 1_500) {
          nowMs = 1_000_000 + performance.now() - begun;
          if (await take(bucket)) passed++;
          else await new Promise((resolve) => setTimeout(resolve, 2));
        }
      }),
    );
    const allowed = 100 + (400 * (performance.now() - begun)) / 1000;
    expect(passed).toBeLessThanOrEqual(Math.ceil(allowed));
    // And they do get what is theirs: what is leased and not used is 20 tokens of each worker at most.
    expect(passed).toBeGreaterThan(0.8 * allowed);
  }, 15_000);

  it("say how long to wait: one token at one per second takes up to a second", async () => {
    const bucket = (await worker()).bucket(spec(1, 1));
    expect(await take(bucket)).toBe(true);
    expect(await take(bucket)).toBe(false);
    expect(bucket.retryAfterMs).toBeGreaterThan(0);
    expect(bucket.retryAfterMs).toBeLessThanOrEqual(1_000);
  });

  it("lease tokens in chunks, so that most calls ask nobody", async () => {
    const buckets = await worker();
    const bucket = buckets.bucket(spec(1_000, 1_000));
    expect(bucket.takeNow()).toBe(false);
    await bucket.takeLater();
    // 50 ms of 1000 per second: 50 leased, one used.
    for (let i = 0; i < 20; i++) expect(bucket.takeNow()).toBe(true);
  });

  it("give up leased tokens that nobody used for a second", async () => {
    const bucket = (await worker()).bucket(spec(1_000, 1_000));
    await bucket.takeLater();
    nowMs += 1_001;
    expect(bucket.takeNow()).toBe(false);
  });

  it("take a token back that was not needed", async () => {
    const bucket = (await worker()).bucket({ ...spec(1, 1), rps: 0.001 });
    expect(await take(bucket)).toBe(true);
    expect(await take(bucket)).toBe(false);
    bucket.giveBack();
    expect(await take(bucket)).toBe(true);
  });

  it("begin anew when a limit is changed", async () => {
    const buckets = await worker();
    const before = spec(1, 1);
    const bucket = buckets.bucket(before);
    expect(buckets.bucket({ ...before })).toBe(bucket);
    expect(buckets.bucket({ ...before, burst: 5 })).not.toBe(bucket);
  });

  it("enforce each worker's share while Redis is away, and the whole limit again once it is back", async () => {
    const limit = { ...spec(10, 20) };
    const buckets = await worker(4);
    const bucket = buckets.bucket(limit);
    await engine.kill();
    await until("Redis is gone", () => clients[0]!.status !== "ready");
    // A quarter of the burst at once, then a quarter of the rate: 2.5 in a second.
    expect(await takeMany(bucket, 20)).toBe(5);
    expect(bucket.isDegraded).toBe(true);
    expect(bucket.retryAfterMs).toBe(400);
    nowMs += 400;
    expect(bucket.takeNow()).toBe(true);
    expect(bucket.takeNow()).toBe(false);
    await engine.restart();
    await until("Redis is connected", () => clients[0]!.status === "ready");
    nowMs += 1_001;
    expect(await take(bucket)).toBe(true);
    expect(bucket.isDegraded).toBe(false);
    expect(await takeMany(bucket, 30)).toBeGreaterThanOrEqual(19);
  }, 30_000);
});
