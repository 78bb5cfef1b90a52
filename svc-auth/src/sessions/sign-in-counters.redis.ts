import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { fromRedis } from "../redis-failure.ts";
import type { SignInCounters } from "./sign-in-throttle.ts";

// The window begins with the first try, and a counter never stays without an end.
const ADD = `
local count = redis.call("INCR", KEYS[1])
if count == 1 or redis.call("PTTL", KEYS[1]) < 0 then redis.call("PEXPIRE", KEYS[1], ARGV[1]) end
return { count, redis.call("PTTL", KEYS[1]) }
`;

export function createRedisSignInCounters(redis: Redis): SignInCounters {
  return {
    add: (names, windowMs) =>
      fromRedis(() =>
        Promise.all(
          names.map(async (name) => {
            const answer = await redis.eval(ADD, 1, keyOf(name), String(windowMs));
            const [count, leftMs] = answer as [number, number];
            return { count, leftMs };
          }),
        ),
      ),
    async clear(names) {
      await fromRedis(() => Promise.all(names.map((name) => redis.del(keyOf(name)))));
    },
  };
}

function keyOf(name: string): string {
  return `gwo:{sign-in:${createHash("sha256").update(name).digest("hex").slice(0, 32)}}`;
}
