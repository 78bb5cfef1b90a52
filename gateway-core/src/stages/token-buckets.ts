import type { Redis } from "ioredis";
import { withDeadline } from "../control/deadline.ts";
import type { BucketSpec } from "../control/principal.ts";

/** What taking a token came to. One object per bucket, changed in place: read it before the next `take`. */
export type BucketView = {
  readonly spec: BucketSpec;
  /** Tokens left, as far as this worker knows. */
  readonly remaining: number;
  /** Milliseconds until a token is there; 0 when there is one. */
  readonly retryAfterMs: number;
  /** True when Redis could not be asked and the worker's own share decided. */
  readonly isDegraded: boolean;
};

export type TokenBucketsOptions = {
  readonly redis: Redis;
  /** Gateway workers that share the limits: each enforces its share alone while Redis is away. */
  readonly sharers: number;
  readonly now: () => number;
};

/** Milliseconds of the limit that a worker leases at once. */
const LEASE_MS = 50;
/** Milliseconds after which unused leased tokens are given up, so that they are not stranded here. */
const LEASE_TTL_MS = 1_000;
/** Milliseconds that Redis may take before the worker decides alone. */
const REDIS_DEADLINE_MS = 250;
/** Milliseconds to decide alone before Redis is asked again. */
const ALONE_MS = 1_000;
const BUCKETS_MAX = 200_000;

// A token bucket under one key: tokens and the time of the last look, by Redis's own clock, so that workers on
// different machines agree. Returns tokens granted, tokens left, and milliseconds until the next one.
const LEASE = `
local time = redis.call("TIME")
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local rps, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local state = redis.call("HMGET", KEYS[1], "t", "a")
local tokens = tonumber(state[1]) or burst
local at = tonumber(state[2]) or now
if now > at then tokens = math.min(burst, tokens + (now - at) * rps / 1000) end
local granted = math.min(math.floor(tokens), want)
tokens = tokens - granted
redis.call("HSET", KEYS[1], "t", tostring(tokens), "a", tostring(now))
redis.call("PEXPIRE", KEYS[1], math.ceil(burst / rps * 1000) + 1000)
local wait = 0
if tokens < 1 then wait = math.ceil((1 - tokens) * 1000 / rps) end
return { granted, math.floor(tokens), wait }
`;

/**
 * Token buckets shared by all workers through Redis. A worker leases tokens in chunks of 50 ms of the limit, so the
 * limit is global and most calls are decided here; of a small limit one token is leased at a time. While Redis is
 * away each worker enforces its share.
 */
export class TokenBuckets {
  readonly #options: TokenBucketsOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: TokenBucketsOptions) {
    this.#options = options;
  }

  bucket(spec: BucketSpec): Bucket {
    const known = this.#buckets.get(spec.id);
    if (known && known.spec.rps === spec.rps && known.spec.burst === spec.burst) return known;
    if (this.#buckets.size >= BUCKETS_MAX) this.#buckets.clear();
    const bucket = new Bucket(spec, this.#options);
    this.#buckets.set(spec.id, bucket);
    return bucket;
  }
}

/** One bucket as this worker sees it. */
export class Bucket implements BucketView {
  readonly spec: BucketSpec;
  retryAfterMs = 0;
  isDegraded = false;

  readonly #options: TokenBucketsOptions;
  readonly #chunk: number;
  /** Leased tokens not yet used. */
  #tokens = 0;
  #leasedAt = 0;
  /** Tokens left in Redis at the last look. */
  #global: number;
  #leasing: Promise<void> | undefined;
  /** Calls that wait for the lease under way. */
  #waiters = 0;
  #aloneUntil = 0;
  #aloneTokens = 0;
  #aloneAt = 0;

  constructor(spec: BucketSpec, options: TokenBucketsOptions) {
    this.spec = spec;
    this.#options = options;
    this.#chunk = Math.max(
      1,
      Math.min(Math.floor((spec.rps * LEASE_MS) / 1000), Math.floor(spec.burst / 2)),
    );
    this.#global = spec.burst;
  }

  get remaining(): number {
    return Math.max(0, Math.floor(this.#global + this.#tokens));
  }

  /** Takes a token if one is here, and sees to it that there are more. False: ask `takeLater`. */
  takeNow(): boolean {
    const now = this.#options.now();
    if (this.isDegraded) return now < this.#aloneUntil ? this.#takeAlone(now) : false;
    if (now - this.#leasedAt > LEASE_TTL_MS) this.#tokens = 0;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    // More is fetched while there still is some: at a steady rate no call waits for Redis.
    if (this.#tokens <= this.#chunk / 2 && this.#chunk > 1 && !this.#leasing) void this.#lease();
    return true;
  }

  /** Takes a token, asking Redis for it. False: there is none, see `retryAfterMs`. */
  async takeLater(): Promise<boolean> {
    for (let attempt = 0; attempt < 3; attempt++) {
      if (this.takeNow()) return true;
      if (this.isDegraded && this.#options.now() < this.#aloneUntil) return false;
      this.#waiters++;
      try {
        await this.#lease();
      } finally {
        this.#waiters--;
      }
      if (this.#tokens < 1 && !this.isDegraded && this.retryAfterMs > 0) return false;
    }
    return this.takeNow();
  }

  /** Gives a token back, because another bucket refused the call. */
  giveBack(): void {
    this.#tokens++;
  }

  #lease(): Promise<void> {
    this.#leasing ??= this.#ask().finally(() => {
      this.#leasing = undefined;
    });
    return this.#leasing;
  }

  async #ask(): Promise<void> {
    const { redis, now } = this.#options;
    // Calls that already wait are counted, those that join later ask again.
    await Promise.resolve();
    const want = Math.max(this.#chunk, this.#waiters);
    try {
      const { rps, burst, id } = this.spec;
      const answer = redis.eval(
        LEASE,
        1,
        `gwo:{rate:${id}}`,
        String(rps),
        String(burst),
        String(want),
      );
      const [granted, left, wait] = (await withDeadline(answer, REDIS_DEADLINE_MS, "Redis")) as [
        number,
        number,
        number,
      ];
      this.#tokens += granted;
      this.#leasedAt = now();
      this.#global = left;
      this.retryAfterMs = granted > 0 ? 0 : wait;
      this.isDegraded = false;
    } catch {
      // Redis is away or slow. The call's record says so: this stage's outcome is "degraded".
      if (!this.isDegraded) {
        this.#aloneTokens = this.#aloneBurst;
        this.#aloneAt = now();
      }
      this.isDegraded = true;
      this.#aloneUntil = now() + ALONE_MS;
    }
  }

  get #aloneBurst(): number {
    return Math.max(1, this.spec.burst / this.#options.sharers);
  }

  #takeAlone(now: number): boolean {
    const perMs = this.spec.rps / this.#options.sharers / 1000;
    this.#aloneTokens = Math.min(
      this.#aloneBurst,
      this.#aloneTokens + (now - this.#aloneAt) * perMs,
    );
    this.#aloneAt = now;
    this.#global = this.#aloneTokens;
    if (this.#aloneTokens < 1) {
      this.retryAfterMs = Math.ceil((1 - this.#aloneTokens) / perMs);
      return false;
    }
    this.#aloneTokens--;
    return true;
  }
}
