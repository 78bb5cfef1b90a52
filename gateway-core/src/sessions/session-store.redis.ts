import { once } from "node:events";
import type { Redis } from "ioredis";
import { withDeadline } from "../control/deadline.ts";
import type { ExpiredSession, SessionState, SessionStore } from "./session-store.ts";

/** Shares of the sessions, each under a hash tag of its own, so that a cluster spreads them. */
const SHARDS = 16;
/** Milliseconds that a session whose time is up waits for a sweeper before Redis forgets it. */
const GRACE_MS = 24 * 60 * 60_000;
const DEADLINE_MS = 1_000;

// State and time of its end are written together. Times are Redis's own, so that gateways' clocks need not agree.
const NOW = `
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`;
const PUT = `${NOW}
redis.call("SET", KEYS[1], ARGV[2], "PX", ARGV[3] + ${GRACE_MS})
redis.call("ZADD", KEYS[2], now + ARGV[3], ARGV[1])
return 1
`;
const TOUCH = `${NOW}
if redis.call("PEXPIRE", KEYS[1], ARGV[2] + ${GRACE_MS}) == 1 then
  redis.call("ZADD", KEYS[2], "XX", now + ARGV[2], ARGV[1])
end
return 1
`;
const REPLACE = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[1], ARGV[2], "KEEPTTL")
return 1
`;
const REMOVE = `
redis.call("ZREM", KEYS[2], ARGV[1])
return redis.call("DEL", KEYS[1])
`;
// The keys of the states are made here: they have the hash tag of the list, so they are in the same slot.
const TAKE = `${NOW}
local ids = redis.call("ZRANGE", KEYS[1], "-inf", now, "BYSCORE", "LIMIT", 0, ARGV[1])
local taken = {}
for _, id in ipairs(ids) do
  redis.call("ZREM", KEYS[1], id)
  local key = ARGV[2] .. id
  local state = redis.call("GET", key)
  if state then
    redis.call("DEL", key)
    taken[#taken + 1] = id
    taken[#taken + 1] = state
  end
end
return taken
`;

/**
 * Runs a command within the deadline. A connection that is being made is waited for: a session is not lost because its
 * first request came at a start.
 */
async function run<T>(redis: Redis, command: () => Promise<T>): Promise<T> {
  const ready = redis.status === "ready" ? undefined : once(redis, "ready");
  return withDeadline(ready ? ready.then(command) : command(), DEADLINE_MS, "Redis");
}

/** Sessions in Redis under `gwo:{mcp-sessions-N}:*`. */
export function createRedisSessionStore(redis: Redis): SessionStore {
  let nextShard = 0;
  return {
    async put(id, state, ttlMs) {
      await run(redis, () => redis.eval(PUT, 2, ...keysOf(id), id, JSON.stringify(state), ttlMs));
    },
    async get(id) {
      const text = await run(redis, () => redis.get(keysOf(id)[0]));
      return text === null ? undefined : (JSON.parse(text) as SessionState);
    },
    async touch(id, ttlMs) {
      await run(redis, () => redis.eval(TOUCH, 2, ...keysOf(id), id, ttlMs));
    },
    async replace(id, before, after) {
      const texts = [JSON.stringify(before), JSON.stringify(after)];
      return (await run(redis, () => redis.eval(REPLACE, 1, keysOf(id)[0], ...texts))) === 1;
    },
    async remove(id) {
      return (await run(redis, () => redis.eval(REMOVE, 2, ...keysOf(id), id))) === 1;
    },
    async takeExpired(limit) {
      const expired: ExpiredSession[] = [];
      // Begins with another shard each time, so that a full first one does not starve the rest.
      const first = nextShard++;
      for (let step = 0; step < SHARDS && expired.length < limit; step++) {
        const shard = prefixOf((first + step) % SHARDS);
        const left = limit - expired.length;
        let taken: string[];
        try {
          taken = (await run(redis, () =>
            redis.eval(TAKE, 1, `${shard}ends`, left, `${shard}state:`),
          )) as string[];
        } catch (error) {
          // What was taken is in the store no more: it is ended all the same.
          if (expired.length > 0) return expired;
          throw error;
        }
        for (let at = 0; at + 1 < taken.length; at += 2)
          expired.push({
            id: taken[at] ?? "",
            state: JSON.parse(taken[at + 1] ?? "") as SessionState,
          });
      }
      return expired;
    },
  };
}

function keysOf(id: string): [state: string, ends: string] {
  const prefix = prefixOf(id.charCodeAt(0) % SHARDS);
  return [`${prefix}state:${id}`, `${prefix}ends`];
}

function prefixOf(shard: number): string {
  return `gwo:{mcp-sessions-${shard}}:`;
}
