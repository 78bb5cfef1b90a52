import type { Redis } from "ioredis";
import { CONSUMERS, shardKeys, type ConsumerName } from "./event-stream.ts";

/**
 * The right to read a shard for a consumer, held by one replica at a time. Positions are only committed together
 * with a check of the lease, so a replica that lost it without knowing cannot move them. What a store does outside of
 * Redis may still overlap with the next holder's work: it must be idempotent, or fenced by `epoch`.
 */
export type ShardLease = {
  /** Rises with every change of the holder, also over a Redis that lost its data. */
  readonly epoch: number;
  /** What the lease key holds while this lease stands. */
  readonly token: string;
};

/** Where a consumer stands in a shard. */
export type ShardProgress = {
  /** Mark of Redis's data. Empty: nothing was ever shipped to this Redis. */
  readonly generation: string;
  /** Id of the last entry stored for good. "0-0": none. */
  readonly position: string;
  /** Entries of the stream that are not stored yet. */
  readonly lagEntries: number;
  /** Age of the oldest of them, in milliseconds. 0 when there is none. */
  readonly lagMs: number;
};

/** Thrown when the lease, or Redis's data, is not what the reader thought: start again from what Redis holds. */
export class ShardMoved extends Error {
  constructor(what: string) {
    super(`The shard moved: ${what}.`);
    this.name = "ShardMoved";
  }
}

/** A consumer's hold on one shard of the event streams. */
export type ShardSeat = {
  /** Takes the lease; undefined while another replica has it. */
  acquire(): Promise<ShardLease | undefined>;
  /**
   * Prolongs the lease and reads where the consumer stands.
   * @throws ShardMoved when the lease was lost
   */
  renew(lease: ShardLease): Promise<ShardProgress>;
  /**
   * Notes that everything up to the id is stored for good and forgets entries that all consumers have stored.
   * @throws ShardMoved when the lease was lost, or Redis's data is no longer of the generation
   */
  commit(lease: ShardLease, done: CommittedBatch): Promise<ShardProgress>;
  /** Gives the lease back, so that another replica need not wait for its end. */
  release(lease: ShardLease): Promise<void>;
};

/** What a commit covers. */
export type CommittedBatch = {
  readonly generation: string;
  /** Id of the last entry. */
  readonly id: string;
  readonly entries: number;
};

/** What a seat needs. */
export type ShardSeatOptions = {
  readonly redis: Redis;
  readonly shard: number;
  readonly consumer: ConsumerName;
  /** Random, one for each process. */
  readonly owner: string;
  /** Milliseconds until a lease ends that is not renewed. */
  readonly leaseMs: number;
};

/** Keys of one consumer of a shard, under the shard's hash tag. */
export function seatKeys(
  shard: number,
  consumer: ConsumerName,
): { lease: string; state: string; dead: string } {
  const tag = `gwo:{events:${shard}}`;
  return {
    lease: `${tag}:lease:${consumer}`,
    state: `${tag}:state:${consumer}`,
    dead: `${tag}:dead`,
  };
}

export function createShardSeat(options: ShardSeatOptions): ShardSeat {
  const { redis, shard, consumer } = options;
  const { lease: leaseKey, state } = seatKeys(shard, consumer);
  const { stream, generation, positions } = shardKeys(shard);
  const keys = [leaseKey, state, positions, generation, stream] as const;
  const leaseMs = String(options.leaseMs);

  async function progress(script: string, ...args: string[]): Promise<ShardProgress> {
    const reply = (await redis.eval(script, keys.length, ...keys, ...args)) as [
      string,
      ...string[],
    ];
    const [verdict, mark = "", position = "0-0", lagEntries = "0", lagMs = "0"] = reply;
    if (verdict !== "ok") throw new ShardMoved(verdict);
    return { generation: mark, position, lagEntries: Number(lagEntries), lagMs: Number(lagMs) };
  }

  return {
    async acquire() {
      const reply = await redis.eval(ACQUIRE, 2, leaseKey, state, options.owner, leaseMs);
      if (typeof reply !== "string") return undefined;
      return { token: reply, epoch: Number(reply.slice(reply.indexOf(" ") + 1)) };
    },
    renew: (lease) => progress(RENEW, lease.token, leaseMs, consumer),
    commit: (lease, done) =>
      progress(
        COMMIT,
        lease.token,
        leaseMs,
        consumer,
        done.generation,
        done.id,
        String(done.entries),
        ...CONSUMERS,
      ),
    async release(lease) {
      await redis.eval(RELEASE, 1, leaseKey, lease.token);
    },
  };
}

// The clock is a floor of the epoch, so that it also rises when Redis lost the count.
const ACQUIRE = `
if redis.call("EXISTS", KEYS[1]) == 1 then return false end
local now = redis.call("TIME")
local epoch = math.max(redis.call("HINCRBY", KEYS[2], "epoch", 1), now[1] * 1000 + math.floor(now[2] / 1000))
epoch = string.format("%.0f", epoch)
redis.call("HSET", KEYS[2], "epoch", epoch)
local token = ARGV[1] .. " " .. epoch
redis.call("SET", KEYS[1], token, "PX", ARGV[2])
return token
`;

const RELEASE = `
if redis.call("GET", KEYS[1]) == ARGV[1] then return redis.call("DEL", KEYS[1]) end
return 0
`;

// KEYS: lease, state, positions, generation, stream. ARGV: token, lease ms, consumer. A lease that ended but that
// nobody took since (the epoch is still its own) is held on: a machine too busy to renew in time would otherwise do
// the same batch again and again.
const HOLD = `
local holder = redis.call("GET", KEYS[1])
local epoch = string.match(ARGV[1], "%d+$")
if holder ~= ARGV[1] and (holder or redis.call("HGET", KEYS[2], "epoch") ~= epoch) then
  return { "the lease is another's" }
end
redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2])
local generation = redis.call("GET", KEYS[4]) or ""
`;

// Entries ever added less entries ever stored. Exact, while counting the rest of the stream would read all of it.
const REPORT = `
local position = redis.call("HGET", KEYS[3], ARGV[3]) or "0-0"
local lag, age = 0, 0
if redis.call("EXISTS", KEYS[5]) == 1 then
  local info = redis.call("XINFO", "STREAM", KEYS[5])
  for i = 1, #info, 2 do if info[i] == "entries-added" then lag = info[i + 1] end end
  lag = math.max(0, lag - (tonumber(redis.call("HGET", KEYS[2], "entries") or "0")))
  local next = redis.call("XRANGE", KEYS[5], "(" .. position, "+", "COUNT", 1)
  if next[1] then
    local now = redis.call("TIME")
    local ms = tonumber(string.match(next[1][1], "^%d+"))
    age = math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - ms)
  else
    lag = 0
  end
end
return { "ok", generation, position, string.format("%.0f", lag), string.format("%.0f", age) }
`;

// A position belongs to the data it was committed on: with other data, everything is read from the beginning.
const RENEW = `
${HOLD}
if redis.call("HGET", KEYS[2], "generation") ~= generation then
  redis.call("HSET", KEYS[2], "generation", generation, "entries", 0)
  redis.call("HDEL", KEYS[3], ARGV[3])
end
${REPORT}
`;

// ARGV: also generation, id, entries, all consumers. The entry of the slowest consumer's position is kept: producers
// read the stream's last id from it.
const COMMIT = `
${HOLD}
if generation ~= ARGV[4] then return { "Redis has other data" } end
-- A commit that is sent again after a break counts its entries once.
if redis.call("HGET", KEYS[3], ARGV[3]) ~= ARGV[5] then redis.call("HINCRBY", KEYS[2], "entries", ARGV[6]) end
redis.call("HSET", KEYS[3], ARGV[3], ARGV[5])
local function before(a, b)
  local aMs, aNumber = string.match(a, "^(%d+)-(%d+)$")
  local bMs, bNumber = string.match(b, "^(%d+)-(%d+)$")
  aMs, bMs = tonumber(aMs), tonumber(bMs)
  return aMs < bMs or (aMs == bMs and tonumber(aNumber) < tonumber(bNumber))
end
local slowest = ARGV[5]
for i = 7, #ARGV do
  local other = redis.call("HGET", KEYS[3], ARGV[i]) or "0-0"
  if before(other, slowest) then slowest = other end
end
if slowest ~= "0-0" then redis.call("XTRIM", KEYS[5], "MINID", slowest) end
${REPORT}
`;
