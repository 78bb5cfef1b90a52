import type { Redis } from "ioredis";
import { fromRedis } from "../redis-failure.ts";
import type { Session, SessionStore } from "./session-store.ts";

export function createRedisSessionStore(redis: Redis): SessionStore {
  return {
    async create(hash, session, ttlMs) {
      await fromRedis(() => redis.set(keyOf(hash), JSON.stringify(session), "PX", ttlMs));
    },
    async touch(hash, ttlMs) {
      const text = await fromRedis(() => redis.getex(keyOf(hash), "PX", ttlMs));
      return text === null ? undefined : (JSON.parse(text) as Session);
    },
    async remove(hash) {
      await fromRedis(() => redis.del(keyOf(hash)));
    },
  };
}

function keyOf(hash: string): string {
  return `gwo:{session:${hash}}`;
}
