import type { Redis } from "ioredis";

/**
 * The streams that carry frames of the gateway's write-ahead logs to the services: one Redis Stream per shard, all
 * keys of a shard under one hash tag, so that a script may touch them together and Redis Cluster may spread shards.
 *
 * An entry has the fields `l` (log id, hexadecimal), `s` (sequence number of the frame in its log) and `p` (a
 * serialized gatewayops.events.v1.CallEventBatch).
 */
export type ShardKeys = {
  readonly stream: string;
  /** Hash: log id → sequence number of its last frame in the stream. */
  readonly shipped: string;
  /** String: random mark of this Redis's data. A new mark means the old data is gone. */
  readonly generation: string;
  /** Hash: consumer → id of the last stream entry it has stored for good. */
  readonly positions: string;
};

/** The services that read every entry. An entry may be forgotten once all of them have stored it. */
export const CONSUMERS = ["cost", "trace"] as const;
export type ConsumerName = (typeof CONSUMERS)[number];

export function shardKeys(shard: number): ShardKeys {
  const tag = `gwo:{events:${shard}}`;
  return {
    stream: `${tag}:stream`,
    shipped: `${tag}:shipped`,
    generation: `${tag}:generation`,
    positions: `${tag}:positions`,
  };
}

/** What Redis knows of a shard after a frame was shipped. */
export type ShipReceipt = {
  /** Mark of Redis's data. */
  readonly generation: string;
  /** False: the stream is full, or the log's last frame in it is not the one expected. Compare `lastSequence`. */
  readonly taken: boolean;
  /** Sequence number of the log's last frame in the stream. 0: none. */
  readonly lastSequence: number;
  /** Id of the stream's last entry. */
  readonly lastId: string;
  /** Id up to which every consumer has stored entries. "0-0": nothing yet. */
  readonly storedId: string;
};

/** One frame to ship. */
export type ShippedFrame = {
  /** Id of the write-ahead log, 32 hexadecimal digits. */
  readonly logId: string;
  /** Sequence number of the frame in its log, rising, not necessarily by one. 0 ships nothing and only asks. */
  readonly sequence: number;
  /** Sequence number of the log's frame shipped before this one. 0: none. */
  readonly previousSequence: number;
  /** Serialized CallEventBatch. */
  readonly payload: Buffer;
};

// A frame is taken only right after the one that its log shipped before: one that the stream has already is skipped,
// and one before which something is missing, because Redis lost its newest entries, is refused. The stream is
// bounded: a full one refuses, and the backlog stays in the write-ahead log.
const SHIP = `
local generation = redis.call("GET", KEYS[3])
if not generation then
  generation = ARGV[1]
  redis.call("SET", KEYS[3], generation)
end
local taken = 0
local last = tonumber(redis.call("HGET", KEYS[2], ARGV[2]) or "0")
if last == tonumber(ARGV[4]) and tonumber(ARGV[3]) > last and redis.call("XLEN", KEYS[1]) < tonumber(ARGV[6]) then
  redis.call("XADD", KEYS[1], "*", "l", ARGV[2], "s", ARGV[3], "p", ARGV[5])
  redis.call("HSET", KEYS[2], ARGV[2], ARGV[3])
  last = tonumber(ARGV[3])
  taken = 1
end
local ids = redis.call("XREVRANGE", KEYS[1], "+", "-", "COUNT", 1)
local lastId = ids[1] and ids[1][1] or "0-0"
local positions = redis.call("HMGET", KEYS[4], unpack(ARGV, 7))
for i = 1, #positions do positions[i] = positions[i] or "0-0" end
return { generation, taken, tostring(last), lastId, positions }
`;

/** What shipping needs to know. */
export type ShipOptions = {
  readonly redis: Redis;
  readonly shard: number;
  /** Written as the generation when Redis has none. Random. */
  readonly newGeneration: string;
  /** Entries the stream may hold. */
  readonly maxLength: number;
};

/** Adds a frame to a shard's stream unless it is there. Safe to repeat. */
export async function shipFrame(options: ShipOptions, frame: ShippedFrame): Promise<ShipReceipt> {
  const keys = shardKeys(options.shard);
  const [generation, taken, last, lastId, positions] = (await options.redis.eval(
    SHIP,
    4,
    keys.stream,
    keys.shipped,
    keys.generation,
    keys.positions,
    options.newGeneration,
    frame.logId,
    String(frame.sequence),
    String(frame.previousSequence),
    frame.payload,
    String(options.maxLength),
    ...CONSUMERS,
  )) as [string, number, string, string, string[]];
  return {
    generation,
    taken: taken === 1,
    lastSequence: Number(last),
    lastId,
    storedId: positions.reduce((lowest, id) => (compareIds(id, lowest) < 0 ? id : lowest)),
  };
}

/** Compares two stream ids "{milliseconds}-{number}": negative, zero or positive. */
export function compareIds(a: string, b: string): number {
  const [aMs = 0, aNumber = 0] = a.split("-").map(Number);
  const [bMs = 0, bNumber = 0] = b.split("-").map(Number);
  return aMs - bMs || aNumber - bNumber;
}
