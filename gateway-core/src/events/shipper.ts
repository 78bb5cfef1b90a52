import { unlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Logger } from "@gatewayops/platform/log";
import { compareIds, shipFrame, type ShipReceipt } from "@gatewayops/platform/streams/event-stream";
import { LogReader } from "./log-reader.ts";
import type { Frame } from "./frame.ts";
import type { RecentFrames } from "./recent-frames.ts";
import type { Segment } from "./segments.ts";

/** The log that is shipped: one being written, or one a dead worker left. */
export type ShippedLog = {
  /** 32 hexadecimal digits. */
  readonly logId: string;
  /** Segments not yet removed, oldest first. */
  readonly segments: readonly Segment[];
  /** Frames that the writer still holds; undefined for a log of another process. */
  readonly recent?: RecentFrames;
  /** True while a writer may add to the last segment. */
  readonly live: boolean;
  /** Takes removed segments out of the books. */
  forget(segments: readonly Segment[]): void;
};

export type ShipperOptions = {
  readonly redis: Redis;
  readonly log: Logger;
  readonly shards: number;
  /** Entries a shard's stream may hold. */
  readonly streamMaxLength: number;
  /** Makes a mark for a Redis that has none: random, another one at each call, so that lost data is noticed. */
  readonly newGeneration: () => string;
};

/** Most bytes of completions in one stream entry. */
const ENTRY_MAX_BYTES = 256 * 1024;
/** Milliseconds that frames gather before they are shipped. */
const GATHER_MS = 25;
/** Milliseconds between looks at what the consumers have stored, when there is nothing to ship. */
const POLL_MS = 1_000;
const RETRY_MS = 250;
/** Milliseconds of failures that nobody is told of: Redis restarts, and connects a moment after we do. */
const QUIET_MS = 2_000;

/**
 * Ships a log's completions to its stream shard, in order and at least once, and removes segments that every
 * consumer has stored. Begins again with all it still has when Redis lost its data.
 */
export class LogShipper {
  readonly #source: ShippedLog;
  readonly #options: ShipperOptions;
  readonly #reader: LogReader;
  readonly #shard: number;
  readonly #abort = new AbortController();
  /** Shipped and not yet stored by every consumer: the last frame of each entry with the entry's id. */
  #unstored: { sequence: number; id: string }[] = [];
  #storedSequence = 0;
  #shippedSequence = 0;
  #generation: string | undefined;
  #wake: (() => void) | undefined;
  /** True when there may be frames that were not looked at. */
  #notified = false;
  /** True when the last look at the log found nothing to ship. */
  #caughtUp = false;
  #running: Promise<void> | undefined;
  #waiting: Frame[] = [];

  constructor(source: ShippedLog, options: ShipperOptions) {
    this.#source = source;
    this.#options = options;
    this.#reader = new LogReader(() => source.segments, source.recent);
    this.#shard = Number.parseInt(source.logId.slice(0, 8), 16) % options.shards;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Says that there is something to ship. */
  readonly notify = (): void => {
    this.#notified = true;
    this.#wake?.();
  };

  /** Sequence number of the newest frame in the stream. */
  get shippedSequence(): number {
    return this.#shippedSequence;
  }

  /** True when every frame so far is in the stream. */
  isShipped(lastSequence: number): boolean {
    return this.#shippedSequence >= lastSequence;
  }

  /** Ships what is there, for at most so long, then stops. */
  async stop(options: { deadlineMs: number; lastSequence: number }): Promise<void> {
    const until = Date.now() + options.deadlineMs;
    while (!this.isShipped(options.lastSequence) && Date.now() < until) {
      this.notify();
      await delay(10);
    }
    this.#abort.abort();
    this.notify();
    await this.#running;
  }

  async #run(): Promise<void> {
    let failingSince: number | undefined;
    let isToldOf = false;
    while (!this.#isStopped()) {
      try {
        const shipped = await this.#shipNext();
        if (isToldOf)
          this.#options.log.info({ log_id: this.#source.logId }, "shipping works again");
        failingSince = undefined;
        isToldOf = false;
        if (!shipped) await this.#pause(POLL_MS);
      } catch (error) {
        failingSince ??= performance.now();
        if (!isToldOf && performance.now() - failingSince > QUIET_MS) {
          isToldOf = true;
          this.#options.log.warn(
            { err: error, log_id: this.#source.logId },
            "shipping fails; the log keeps what is not shipped",
          );
        }
        await this.#startOver();
        await this.#pause(RETRY_MS);
      }
    }
    await this.#reader.close();
  }

  #isStopped(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Ships one entry, or only asks how far the consumers are. False: nothing left to do now. */
  async #shipNext(): Promise<boolean> {
    if (this.#generation === undefined) await this.#ask();
    const entry = await this.#nextEntry();
    this.#caughtUp = entry === undefined;
    if (!entry) {
      if (this.#unstored.length > 0 || !this.#source.live) await this.#ask();
      return false;
    }
    const receipt = await shipFrame(this.#shipOptions(), {
      logId: this.#source.logId,
      previousSequence: this.#shippedSequence,
      ...entry,
    });
    if (this.#isNewGeneration(receipt)) {
      await this.#startOver();
      return true;
    }
    if (!receipt.taken) {
      await this.#startOver();
      await this.#pause(RETRY_MS);
      return true;
    }
    this.#shippedSequence = entry.sequence;
    this.#unstored.push({ sequence: entry.sequence, id: receipt.lastId });
    await this.#forgetStored(receipt);
    return true;
  }

  /** Completions of the next frames, gathered up to an entry's size. */
  async #nextEntry(): Promise<{ sequence: number; payload: Buffer } | undefined> {
    const parts: Buffer[] = [];
    let bytes = 0;
    let sequence = 0;
    for (;;) {
      if (this.#waiting.length === 0) this.#waiting = await this.#reader.next();
      const frame = this.#waiting[0];
      if (!frame) break;
      if (bytes > 0 && bytes + frame.completions.length > ENTRY_MAX_BYTES) break;
      this.#waiting.shift();
      if (frame.completions.length === 0 || frame.sequence <= this.#shippedSequence) continue;
      parts.push(frame.completions);
      bytes += frame.completions.length;
      sequence = frame.sequence;
    }
    // Serialized messages of one type may be concatenated: repeated fields add up (protobuf encoding, "Last One Wins").
    return sequence === 0 ? undefined : { sequence, payload: Buffer.concat(parts) };
  }

  /** Learns what Redis has of this log, by shipping a frame that it must skip. */
  async #ask(): Promise<void> {
    const receipt = await shipFrame(this.#shipOptions(), {
      logId: this.#source.logId,
      sequence: 0,
      previousSequence: 0,
      payload: Buffer.alloc(0),
    });
    if (this.#isNewGeneration(receipt)) {
      await this.#startOver();
      return;
    }
    if (receipt.lastSequence < this.#shippedSequence) {
      // Redis lost its newest entries: a restart from older data, or a failover.
      await this.#startOver();
      return;
    }
    this.#shippedSequence = receipt.lastSequence;
    // Which entry held which frame is not known after a restart; all of them lie before the stream's end.
    if (this.#unstored.length === 0 && receipt.lastSequence > this.#storedSequence)
      this.#unstored.push({ sequence: receipt.lastSequence, id: receipt.lastId });
    await this.#forgetStored(receipt);
  }

  #isNewGeneration(receipt: ShipReceipt): boolean {
    const known = this.#generation;
    this.#generation = receipt.generation;
    if (known === undefined || known === receipt.generation) return false;
    this.#options.log.warn(
      { log_id: this.#source.logId, shard: this.#shard },
      "Redis lost its data; shipping again all that is not stored",
    );
    return true;
  }

  /** Forgets what was thought to be shipped: what Redis has is asked again, and what it lacks is shipped again. */
  async #startOver(): Promise<void> {
    this.#shippedSequence = this.#storedSequence;
    this.#unstored = [];
    this.#waiting = [];
    this.#generation = undefined;
    this.#caughtUp = false;
    await this.#reader.rewind();
  }

  async #forgetStored(receipt: ShipReceipt): Promise<void> {
    while (this.#unstored[0] && compareIds(this.#unstored[0].id, receipt.storedId) <= 0)
      this.#storedSequence = this.#unstored.shift()?.sequence ?? this.#storedSequence;
    const { segments, live } = this.#source;
    const removable = segments.filter((_, index) => {
      const next = segments[index + 1];
      return next ? next.firstSequence <= this.#storedSequence + 1 : !live && this.#isDone();
    });
    if (removable.length === 0) return;
    this.#source.forget(removable);
    if (!live && this.#source.segments.length === 0) await this.#reader.close();
    for (const segment of removable) await unlink(segment.path);
  }

  /** True when a dead log's last frame is stored by all. */
  #isDone(): boolean {
    return this.#caughtUp && this.#unstored.length === 0;
  }

  #shipOptions(): Parameters<typeof shipFrame>[0] {
    const { redis, newGeneration, streamMaxLength } = this.#options;
    return {
      redis,
      shard: this.#shard,
      newGeneration: newGeneration(),
      maxLength: streamMaxLength,
    };
  }

  async #pause(ms: number): Promise<void> {
    if (!this.#notified) {
      const timer = new AbortController();
      await Promise.race([
        delay(ms, undefined, { signal: timer.signal }).catch(() => undefined),
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
      ]);
      timer.abort();
      this.#wake = undefined;
    }
    this.#notified = false;
    if (!this.#isStopped()) await delay(GATHER_MS);
  }
}
