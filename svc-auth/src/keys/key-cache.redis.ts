import { randomBytes } from "node:crypto";
import { deserialize, serialize } from "node:v8";
import type { Redis } from "ioredis";
import type { KeyAddress, KeyAnswer, KeyCache } from "./key-cache.ts";
import type { KeyCipher } from "./key-cipher.ts";

export type RedisKeyCacheOptions = {
  readonly redis: Redis;
  readonly cipher: KeyCipher;
  readonly now: () => number;
  /** Told of every failed command. */
  readonly onAway: (error: unknown) => void;
};

/** Milliseconds without commands after one failed, so that a hanging Redis slows down few validations. */
const PAUSE_MS = 1_000;
/** Longer than any answer lives, and than any validation takes to fill one. */
const FENCE_TTL_MS = 15 * 60_000;
/** Fence of prefixes that had no change in that time. */
const NO_FENCE = "-";

/**
 * The cache in Redis. Per prefix, under one hash tag: a fence, and one sealed answer per key with the fence it was
 * filled under.
 */
export function createRedisKeyCache(options: RedisKeyCacheOptions): KeyCache {
  const { redis, cipher } = options;
  let pausedUntil = 0;
  return {
    async read(address) {
      if (options.now() < pausedUntil) return AWAY;
      try {
        const place = answerKey(address);
        const [sealed, fenceBytes] = await redis.mgetBuffer(place, fenceKey(address.prefix));
        const fence = fenceBytes?.toString() ?? NO_FENCE;
        const entry = sealed ? open(sealed, place) : undefined;
        return { answer: entry?.fence === fence ? entry.answer : undefined, fence };
      } catch (error) {
        pause(error);
        return AWAY;
      }
    },
    async fill(address, fence, answer, ttlMs) {
      if (options.now() < pausedUntil) return;
      const place = answerKey(address);
      const entry: Entry = { fence, answer };
      try {
        await redis.set(place, cipher.seal(serialize(entry), place), "PX", ttlMs);
      } catch (error) {
        pause(error);
      }
    },
    async fence(prefix) {
      await redis.set(fenceKey(prefix), randomBytes(12).toString("hex"), "PX", FENCE_TTL_MS);
    },
  };

  function pause(error: unknown): void {
    pausedUntil = options.now() + PAUSE_MS;
    options.onAway(error);
  }

  function open(sealed: Buffer, place: string): Entry | undefined {
    const plain = cipher.open(sealed, place);
    return plain && (deserialize(plain) as Entry);
  }
}

type Entry = { readonly fence: string; readonly answer: KeyAnswer };

const AWAY = { answer: undefined, fence: undefined };

// "v2" is the version of Entry: another shape takes another name, so that old and new processes run side by side.
function answerKey(address: KeyAddress): string {
  return `gwo:{key:${address.prefix}}:v2:${address.fingerprint}`;
}

function fenceKey(prefix: string): string {
  return `gwo:{key:${prefix}}:fence`;
}
