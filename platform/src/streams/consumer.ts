import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import type { Logger } from "../log.ts";
import { decodeEntry, type DecodedEntry, type StreamEntry } from "./consumer-entries.ts";
import { createShardSeat, seatKeys, ShardMoved } from "./consumer-lease.ts";
import type { ShardLease } from "./consumer-lease.ts";
import { createConsumerMetrics } from "./consumer-metrics.ts";
import { shardKeys, type ConsumerName } from "./event-stream.ts";

/** What a consumer of one shard needs. */
export type StreamConsumerOptions = {
  /** For commands that return at once. */
  readonly redis: Redis;
  /** For reads that wait: a connection of its own for each shard. */
  readonly blockingRedis: Redis;
  readonly consumer: ConsumerName;
  readonly shard: number;
  /**
   * Stores records for good; they are committed when it resolves. It is called again with the same and further
   * records after a failure, a crash or a change of the holder, so storing must be idempotent.
   */
  readonly store: (
    records: readonly CallCompletion[],
    fence: { readonly epoch: number },
  ) => Promise<void>;
  /**
   * Hears of records once, when the position behind them is committed, which only the holder of the lease can: for what
   * must not be done again, nor by two at a time. It is not called for a commit whose answer was lost, nor after a crash
   * in between. It must not throw.
   */
  readonly onCommitted?: (records: readonly CallCompletion[]) => void;
  readonly log: Logger;
  readonly registry: Registry;
  /** Ends the consumer: it stores and commits what it has gathered, then `done` resolves. */
  readonly signal: AbortSignal;
  /** Records that make a batch at once. One entry is never split, so a batch may be larger. Default 1000. */
  readonly batchMaxRecords?: number;
  /**
   * Milliseconds from one storing to the next while records keep coming, which is the longest that an entry waits for
   * others. After a pause entries are stored at once. Default 1000.
   */
  readonly batchMaxMs?: number;
  /** Milliseconds until another replica may take over a shard whose holder is silent. Default 10 000. */
  readonly leaseMs?: number;
};

export type StreamConsumer = {
  /** Resolves when the consumer has ended. Never rejects. */
  readonly done: Promise<void>;
};

/** Entries of one read: few enough that a batch of full frames stays near its size. */
const READ_ENTRIES_MAX = 64;
/** Milliseconds that entries wait for those right behind them, when nothing was stored for a while. */
const GATHER_MIN_MS = 20;
/** Milliseconds a read waits. Bounds the time that ending takes. */
const READ_WAIT_MS = 250;
/** Milliseconds between reads for a batch that has time: each frame would otherwise cost a read of its own. */
const READ_EVERY_MS = 100;
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5_000;
/** Entries kept in the dead-letter stream, about. */
const DEAD_MAX = 10_000;

/** What is stored and committed together. */
type Batch = {
  readonly entries: (DecodedEntry & { readonly entry: StreamEntry })[];
  records: number;
  /** Id of the last entry; without entries, of the position they are read from. */
  lastId: string;
};

/**
 * Reads a shard of the event streams and stores its records at least once, in order, one batch at a time.
 *
 * While another replica holds the shard it waits. After any error it starts again from the position and the
 * generation that Redis holds, and never from what it remembers: Redis may have restarted from older data.
 */
export function startStreamConsumer(options: StreamConsumerOptions): StreamConsumer {
  const { redis, blockingRedis, consumer, shard, signal } = options;
  const maxRecords = options.batchMaxRecords ?? 1_000;
  const maxMs = options.batchMaxMs ?? 1_000;
  const leaseMs = options.leaseMs ?? 10_000;
  const log = options.log.child({ consumer, shard });
  const metrics = createConsumerMetrics(options.registry, consumer, shard);
  const seat = createShardSeat({ redis, shard, consumer, owner: randomUUID(), leaseMs });
  const streamKey = shardKeys(shard).stream;
  // Connections that broke since the position was read. Behind a new one may be a Redis with other data.
  let breaks = 0;
  const onClose = (): void => void (breaks += 1);
  redis.on("close", onClose);
  blockingRedis.on("close", onClose);
  /** When storing began last, in milliseconds of the process's clock. */
  let storedTime = Number.NEGATIVE_INFINITY;
  const ended = (): boolean => signal.aborted;
  return { done: run() };

  async function run(): Promise<void> {
    let backoffMs = BACKOFF_MIN_MS;
    while (!signal.aborted) {
      let lease: ShardLease | undefined;
      try {
        lease = await seat.acquire();
        if (lease) {
          metrics.held(true);
          log.info({ epoch: lease.epoch }, "reading the shard");
          await readShard(lease, () => void (backoffMs = BACKOFF_MIN_MS));
        } else {
          await pause(leaseMs / 10);
        }
      } catch (error) {
        log.warn({ err: error }, "reading the shard stopped; starting again from what Redis holds");
        await pause(backoffMs);
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
      } finally {
        metrics.held(false);
        if (lease) await giveBack(lease);
      }
    }
    redis.off("close", onClose);
    blockingRedis.off("close", onClose);
  }

  /** Reads until the signal, or throws. */
  async function readShard(lease: ShardLease, onProgress: () => void): Promise<void> {
    const lost = new AbortController();
    /** What the reading below goes by. */
    let generation = "";
    const renewal = keepRenewed(lease, lost, () => generation);
    try {
      while (!ended()) {
        const breaksBefore = breaks;
        let progress = await seat.renew(lease);
        while (!ended() && breaks === breaksBefore) {
          metrics.progress(progress);
          lost.signal.throwIfAborted();
          const { position } = progress;
          generation = progress.generation;
          const batch = await gather(position, lost.signal);
          // What was read over a broken connection, or before Redis had a generation, is read again.
          if (breaks !== breaksBefore || (generation === "" && batch.entries.length > 0)) break;
          if (batch.entries.length === 0) continue;
          await storeBatch(batch, lease, lost.signal);
          progress = await seat.commit(lease, {
            generation,
            id: batch.lastId,
            entries: batch.entries.length,
          });
          onProgress();
          options.onCommitted?.(batch.entries.flatMap((entry) => entry.records));
        }
      }
    } finally {
      clearInterval(renewal);
    }
  }

  /** Renews the lease beside the reading; reports through `lost` when it, or Redis's data, is gone. */
  function keepRenewed(
    lease: ShardLease,
    lost: AbortController,
    generation: () => string,
  ): NodeJS.Timeout {
    let renewing = false;
    const check = async (): Promise<void> => {
      const progress = await seat.renew(lease);
      // Redis gets its first generation with the first frame, which nothing was read before.
      if (generation() !== "" && progress.generation !== generation())
        throw new ShardMoved("Redis has other data");
      if (!lost.signal.aborted) metrics.progress(progress);
    };
    return setInterval(() => {
      if (renewing) return;
      renewing = true;
      check()
        .catch((error: unknown) => {
          lost.abort(error);
        })
        .finally(() => {
          renewing = false;
        });
    }, leaseMs / 5);
  }

  /** Entries after the position: as many as make a batch, or those until it is time. None after a quiet wait. */
  async function gather(position: string, lost: AbortSignal): Promise<Batch> {
    const batch: Batch = { entries: [], records: 0, lastId: position };
    let until = Number.POSITIVE_INFINITY;
    for (;;) {
      const waitMs = Math.min(READ_WAIT_MS, Math.ceil(until - performance.now()));
      if (waitMs <= 0 || signal.aborted || lost.aborted) return batch;
      const entries = await read(batch.lastId, waitMs);
      if (entries.length === 0 && batch.entries.length === 0) return batch;
      // What a statement costs by itself is shared by all its rows: a steady flow makes few and large ones.
      if (batch.entries.length === 0)
        until = Math.max(performance.now() + Math.min(GATHER_MIN_MS, maxMs), storedTime + maxMs);
      for (const entry of entries) {
        const decoded = decodeEntry(entry);
        batch.entries.push({ entry, ...decoded });
        batch.records += decoded.records.length;
        batch.lastId = entry[0].toString("latin1");
      }
      if (batch.records >= maxRecords) return batch;
      const leftMs = until - performance.now();
      if (entries.length < READ_ENTRIES_MAX && leftMs > READ_EVERY_MS) await pause(READ_EVERY_MS);
    }
  }

  async function read(from: string, waitMs: number): Promise<StreamEntry[]> {
    const reply = (await blockingRedis.xreadBuffer(
      "COUNT",
      READ_ENTRIES_MAX,
      "BLOCK",
      waitMs,
      "STREAMS",
      streamKey,
      from,
    )) as unknown as [Buffer, StreamEntry[]][] | null;
    return reply?.[0]?.[1] ?? [];
  }

  async function storeBatch(batch: Batch, lease: ShardLease, lost: AbortSignal): Promise<void> {
    for (const { entry, problem } of batch.entries) {
      if (problem !== undefined) await bury(entry, problem);
    }
    const records = batch.entries.flatMap((entry) => entry.records);
    storedTime = performance.now();
    let backoffMs = BACKOFF_MIN_MS;
    while (records.length > 0) {
      const start = performance.now();
      try {
        await options.store(records, { epoch: lease.epoch });
        metrics.stored(records.length, (performance.now() - start) / 1000);
        return;
      } catch (error) {
        metrics.storeFailed();
        log.error(
          { err: error, records: records.length, retryMs: backoffMs },
          "storing failed; will be retried",
        );
        // The entries are still in the stream: whoever reads the shard next stores them.
        if (signal.aborted) throw error;
        await pause(backoffMs);
        lost.throwIfAborted();
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MAX_MS);
      }
    }
  }

  /** Keeps an entry that cannot be stored, so that an operator can look at it and nothing waits for it. */
  async function bury(entry: StreamEntry, problem: string): Promise<void> {
    const [id, fields] = entry;
    const note = ["consumer", consumer, "id", id, "reason", problem];
    await redis.xadd(
      seatKeys(shard, consumer).dead,
      "MAXLEN",
      "~",
      DEAD_MAX,
      "*",
      ...note,
      ...fields,
    );
    metrics.dead(1);
    log.error(
      { entry: id.toString("latin1"), problem },
      "an entry cannot be stored and was put aside",
    );
  }

  async function giveBack(lease: ShardLease): Promise<void> {
    // When Redis does not answer, the lease ends by itself.
    await seat.release(lease).catch(() => undefined);
  }

  async function pause(ms: number): Promise<void> {
    // Aborted: the caller looks at the signal.
    await sleep(ms, undefined, { signal }).catch(() => undefined);
  }
}
