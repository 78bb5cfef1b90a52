import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll } from "@jest/globals";
import { Redis } from "ioredis";
import { createRedisSessionStore } from "../src/sessions/session-store.redis.ts";
import { startOwnRedis, type OwnRedis } from "./engine-redis.ts";
import { describeSessionStore } from "./session-store.contract.ts";

let engine: OwnRedis;
let redis: Redis;

beforeAll(async () => {
  engine = await startOwnRedis();
  redis = new Redis(engine.url);
}, 120_000);

afterAll(async () => {
  redis.disconnect();
  await engine.stop();
});

// Redis goes by its own clock.
describeSessionStore("Redis", () => ({ store: createRedisSessionStore(redis), pass: delay }));
