import { randomBytes } from "node:crypto";
import { appendFileSync, existsSync, rmSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import { CONSUMERS, shardKeys } from "@gatewayops/platform/streams/event-stream";
import { Redis } from "ioredis";
import { redisOptions } from "../src/cluster/redis-options.ts";
import { adoptLog } from "../src/events/adoption.ts";
import { CallLog } from "../src/events/call-log.ts";
import { LogShipper, type ShipperOptions } from "../src/events/shipper.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { completionOf, intentOf, NotedCall } from "./record-samples.ts";
import { completionNumbers, frameOf, temporaryDirectory, writeSegment } from "./wal-files.ts";

const SHARD = 0;
const keys = shardKeys(SHARD);
const log = createLogger({
  service: "test",
  level: "silent",
  format: "json",
  maskSensitive: false,
});

let engine: OwnRedis;
/** The shipper's connection, as the gateway makes it. */
let redis: Redis;
/** The test's own, which waits while Redis is away. */
let observer: Redis;
let directory: string;
let remove: () => void;
let shippers: LogShipper[] = [];
let lastLog = 0;
let calls = 0;

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

beforeEach(async () => {
  redis = new Redis(engine.url, redisOptions());
  redis.on("error", () => undefined);
  observer = new Redis(engine.url, { maxRetriesPerRequest: null });
  observer.on("error", () => undefined);
  await until("Redis is connected", () => redis.status === "ready");
  await observer.flushall();
  ({ path: directory, remove } = temporaryDirectory());
  calls = 0;
});

afterEach(async () => {
  for (const shipper of shippers) await shipper.stop({ deadlineMs: 0, lastSequence: 0 });
  shippers = [];
  redis.disconnect();
  observer.disconnect();
  remove();
});

/** One live log with its shipper, as a worker has them. */
function startWorkerLog(options: { segmentBytes?: number; ship?: Partial<ShipperOptions> } = {}): {
  callLog: CallLog;
  shipper: LogShipper;
  logId: string;
} {
  const logId = (++lastLog).toString(16).padStart(32, "0");
  const callLog = new CallLog({
    logId: Buffer.from(logId, "hex"),
    directory,
    segmentBytes: options.segmentBytes ?? 1024 * 1024,
    maxBytes: 1024 ** 3,
    fsync: false,
    onFrame: () => {
      shipper.notify();
    },
  });
  const shipper = startShipper(
    {
      logId,
      segments: callLog.segments,
      live: true,
      forget: (segments) => {
        callLog.forget(segments);
      },
    },
    options.ship,
  );
  return { callLog, shipper, logId };
}

function startShipper(
  source: ConstructorParameters<typeof LogShipper>[0],
  options: Partial<ShipperOptions> = {},
): LogShipper {
  const shipper = new LogShipper(source, {
    redis,
    log,
    shards: 1,
    streamMaxLength: 10_000,
    newGeneration: () => randomBytes(8).toString("hex"),
    ...options,
  });
  shippers.push(shipper);
  shipper.start();
  return shipper;
}

/** Writes completions of calls numbered on from the last, one frame each. */
async function completeCalls(callLog: CallLog, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    callLog.complete(new NotedCall(++calls, []), completionOf());
    await nextTurn();
  }
}

type Entry = { id: string; logId: string; sequence: number; numbers: number[] };

async function entries(): Promise<Entry[]> {
  const raw = await observer.xrangeBuffer(keys.stream, "-", "+");
  return raw.map(([id, fields]) => ({
    id: id.toString(),
    logId: fields[1]!.toString(),
    sequence: Number(fields[3]!.toString()),
    numbers: completionNumbers(fields[5]!),
  }));
}

async function numbersInStream(): Promise<number[]> {
  return (await entries()).flatMap(({ numbers }) => numbers);
}

/** Says for consumers that they have stored everything up to an entry. */
async function store(id: string, consumers: readonly string[] = CONSUMERS): Promise<void> {
  for (const consumer of consumers) await observer.hset(keys.positions, consumer, id);
}

/** 1, 2, … up to a number. */
function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

describe("LogShipper", () => {
  it("ships each completion once, in the order of the log", async () => {
    const { callLog, logId } = startWorkerLog();
    await completeCalls(callLog, 120);
    await until("all calls are in the stream", async () => (await numbersInStream()).length >= 120);
    const shipped = await entries();
    expect(shipped.flatMap(({ numbers }) => numbers)).toEqual(upTo(120));
    expect(new Set(shipped.map((entry) => entry.logId))).toEqual(new Set([logId]));
    const sequences = shipped.map(({ sequence }) => sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    expect(sequences.at(-1)).toBe(callLog.lastSequence);
  });

  it("ships nothing of a frame that holds intents only", async () => {
    const { callLog } = startWorkerLog();
    callLog.intend(new NotedCall(100, []));
    await completeCalls(callLog, 1);
    await until("the call is in the stream", async () => (await numbersInStream()).length > 0);
    expect(await numbersInStream()).toEqual([1]);
  });

  it("splits what has gathered into entries of at most 256 KiB", async () => {
    const { callLog } = startWorkerLog();
    const count = 4_000;
    for (let i = 0; i < count; i++) {
      callLog.complete(new NotedCall(++calls, []), completionOf());
      if (i % 100 === 0) await nextTurn();
    }
    await nextTurn();
    await until("all are in the stream", async () => (await numbersInStream()).length >= count);
    expect(await numbersInStream()).toEqual(upTo(count));
    const raw = await observer.xrangeBuffer(keys.stream, "-", "+");
    expect(raw.length).toBeGreaterThan(1);
    for (const [, fields] of raw) expect(fields[5]!.length).toBeLessThanOrEqual(256 * 1024);
  });

  it("chooses the shard by the log's id", async () => {
    const logId = "00000005".padEnd(32, "0"); // 5 of 3 shards: shard 2
    writeSegment(directory, 1, frameOf(1, { completions: [intentOf(1)] }));
    startShipper(adoptLog(directory, logId, 0), { shards: 3 });
    await until(
      "the entry is in shard 2",
      async () => (await observer.xlen(shardKeys(2).stream)) === 1,
    );
    expect(await observer.xlen(keys.stream)).toBe(0);
  });

  it("loses nothing and doubles nothing when Redis is killed and comes back", async () => {
    const { callLog } = startWorkerLog();
    await completeCalls(callLog, 40);
    await until("calls are in the stream", async () => (await numbersInStream()).length > 0);
    await engine.kill();
    await completeCalls(callLog, 40);
    await engine.restart();
    await completeCalls(callLog, 40);
    await until("all calls are in the stream", async () => (await numbersInStream()).length >= 120);
    expect(await numbersInStream()).toEqual(upTo(120));
  });

  it("ships again what a Redis forgot that lost its newest entries only", async () => {
    const { callLog, logId } = startWorkerLog();
    await completeCalls(callLog, 1);
    await until("one is in the stream", async () => (await numbersInStream()).length === 1);
    await completeCalls(callLog, 1);
    await until("two are in the stream", async () => (await numbersInStream()).length === 2);
    // What an append-only file loses that was cut off at its end: the entry, and that it was shipped.
    const [, newest] = await entries();
    await observer.multi().xdel(keys.stream, newest!.id).hset(keys.shipped, logId, "1").exec();
    await completeCalls(callLog, 1);
    await until("three are in the stream", async () => (await numbersInStream()).length >= 3);
    expect(await numbersInStream()).toEqual([1, 2, 3]);
  });

  it("ships everything not stored again when Redis lost all its data", async () => {
    const { callLog } = startWorkerLog();
    await completeCalls(callLog, 30);
    await until("all are in the stream", async () => (await numbersInStream()).length === 30);
    await observer.flushall();
    await completeCalls(callLog, 10);
    await until(
      "all are in the stream again",
      async () => new Set(await numbersInStream()).size === 40,
    );
    expect(new Set(await numbersInStream())).toEqual(new Set(upTo(40)));
  });

  it("ships again without a new call, when Redis lost its data while nothing happens", async () => {
    const { callLog } = startWorkerLog();
    await completeCalls(callLog, 3);
    await until("all are in the stream", async () => (await numbersInStream()).length === 3);
    await observer.flushall();
    await until("all are in the stream again", async () => (await numbersInStream()).length >= 3);
    expect(new Set(await numbersInStream())).toEqual(new Set([1, 2, 3]));
  });

  it("loses nothing that was shipped before Redis lost its data, though a look came before the next call", async () => {
    const { callLog } = startWorkerLog();
    await completeCalls(callLog, 3);
    await until("all are in the stream", async () => (await numbersInStream()).length === 3);
    await observer.flushall();
    // The shipper's look writes the generation.
    await until("the shipper has looked", async () => (await observer.exists(keys.generation)) > 0);
    await completeCalls(callLog, 1);
    await until("the next call is in the stream", async () =>
      (await numbersInStream()).includes(4),
    );
    expect(new Set(await numbersInStream())).toEqual(new Set([1, 2, 3, 4]));
  });

  it("keeps a segment until both consumers have stored it", async () => {
    const { callLog } = startWorkerLog({ segmentBytes: 600 });
    await completeCalls(callLog, 12);
    await until("all are in the stream", async () => (await numbersInStream()).length === 12);
    const last = (await entries()).at(-1)!;
    const paths = callLog.segments.map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(2);
    await store(last.id, ["cost"]);
    await completeCalls(callLog, 1); // makes the shipper look
    await until("the look is over", async () => (await numbersInStream()).length === 13);
    for (const path of paths) expect(existsSync(path)).toBe(true);
    await store(last.id, ["trace"]);
    await until("older segments are removed", () => !existsSync(paths[0]!));
    await until("only what is not stored is left", () => callLog.segments.length <= 2);
    expect(existsSync(callLog.segments.at(-1)!.path)).toBe(true);
  });

  it("never removes a segment whose frames are stored in part", async () => {
    const { callLog } = startWorkerLog({ segmentBytes: 1_000 });
    await completeCalls(callLog, 1);
    await until("one is in the stream", async () => (await numbersInStream()).length === 1);
    const [first] = await entries();
    await completeCalls(callLog, 20);
    await until("all are in the stream", async () => (await numbersInStream()).length === 21);
    const [oldest] = callLog.segments;
    await store(first!.id);
    await completeCalls(callLog, 1);
    await until("the look is over", async () => (await numbersInStream()).length === 22);
    expect(existsSync(oldest!.path)).toBe(true);
    expect(callLog.segments[0]).toBe(oldest);
  });

  it("waits while the stream is full, and goes on when there is room", async () => {
    const { callLog, shipper } = startWorkerLog({ ship: { streamMaxLength: 2 } });
    for (let i = 0; i < 2; i++) {
      await completeCalls(callLog, 1);
      await until("it is in the stream", async () => (await numbersInStream()).length === i + 1);
    }
    await completeCalls(callLog, 5);
    await until("the shipper has tried in vain", () => !shipper.isShipped(3));
    expect(await observer.xlen(keys.stream)).toBe(2);
    await observer.xtrim(keys.stream, "MAXLEN", 0);
    await until("the rest is in the stream", async () => (await numbersInStream()).length === 5);
    expect(await numbersInStream()).toEqual([3, 4, 5, 6, 7]);
  });

  it("ships what is there before it stops", async () => {
    const { callLog, shipper } = startWorkerLog();
    await completeCalls(callLog, 25);
    callLog.close();
    await shipper.stop({ deadlineMs: 5_000, lastSequence: callLog.lastCompletedSequence });
    expect(await numbersInStream()).toEqual(upTo(25));
  });

  it("stops at its deadline while Redis is away, and the log keeps everything", async () => {
    const { callLog, shipper } = startWorkerLog();
    await engine.kill();
    await completeCalls(callLog, 5);
    callLog.close();
    await shipper.stop({ deadlineMs: 200, lastSequence: callLog.lastCompletedSequence });
    expect(existsSync(callLog.segments[0]!.path)).toBe(true);
    await engine.restart();
    startShipper(adoptLog(directory, "0".repeat(32), 0));
    await until("all are in the stream", async () => (await numbersInStream()).length === 5);
  });

  it("does not wait for its deadline when the newest frame holds nothing to ship", async () => {
    const { callLog, shipper } = startWorkerLog();
    await completeCalls(callLog, 1);
    callLog.intend(new NotedCall(100, []));
    callLog.close();
    const begun = performance.now();
    await shipper.stop({ deadlineMs: 8_000, lastSequence: callLog.lastCompletedSequence });
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(await numbersInStream()).toEqual([1]);
  });

  it("goes on where another process stopped, without shipping anything twice", async () => {
    const { callLog, shipper, logId } = startWorkerLog();
    await completeCalls(callLog, 5);
    await until("all are in the stream", async () => (await numbersInStream()).length === 5);
    await shipper.stop({ deadlineMs: 0, lastSequence: 0 });
    await completeCalls(callLog, 5);
    callLog.close();
    startShipper(adoptLog(directory, logId, 0));
    await until("the rest is in the stream", async () => (await numbersInStream()).length >= 10);
    expect(await numbersInStream()).toEqual(upTo(10));
  });
});

describe("LogShipper of an adopted log", () => {
  const logId = "f".repeat(32);

  it("removes every segment once both consumers have stored them, and not before", async () => {
    writeSegment(directory, 1, frameOf(1, { completions: [intentOf(1)] }));
    writeSegment(directory, 2, frameOf(2, { intents: [intentOf(2)] }));
    const adopted = adoptLog(directory, logId, 0);
    const paths = adopted.segments.map(({ path }) => path);
    startShipper(adopted);
    await until("both are in the stream", async () => (await numbersInStream()).length === 2);
    expect(await numbersInStream()).toEqual([1, 2]);
    for (const path of paths) expect(existsSync(path)).toBe(true);
    await store((await entries()).at(-1)!.id);
    await until("the log is gone", () => paths.every((path) => !existsSync(path)));
    expect(adopted.segments).toEqual([]);
  });

  it("removes a log that holds nothing", async () => {
    const segment = writeSegment(directory, 1);
    startShipper(adoptLog(directory, logId, 0));
    await until("the log is gone", () => !existsSync(segment.path));
  });

  it("ships again all that is not stored when Redis lost its data, before it removes anything", async () => {
    writeSegment(directory, 1, frameOf(1, { completions: [intentOf(1), intentOf(2)] }));
    const adopted = adoptLog(directory, logId, 0);
    startShipper(adopted);
    await until("both are in the stream", async () => (await numbersInStream()).length === 2);
    await observer.flushall();
    await until(
      "both are in the stream again, or the log is gone",
      async () => (await numbersInStream()).length === 2 || adopted.segments.length === 0,
    );
    expect(await numbersInStream()).toEqual([1, 2]);
  });

  it("ships again all that is not stored when another gateway saw the loss first", async () => {
    writeSegment(directory, 1, frameOf(1, { completions: [intentOf(1), intentOf(2)] }));
    const adopted = adoptLog(directory, logId, 0);
    startShipper(adopted);
    await until("both are in the stream", async () => (await numbersInStream()).length === 2);
    await observer.multi().flushall().set(keys.generation, "of another gateway").exec();
    await until(
      "both are in the stream again, or the log is gone",
      async () => (await numbersInStream()).length === 2 || adopted.segments.length === 0,
    );
    expect(await numbersInStream()).toEqual([1, 2]);
  });

  it("ships again what a killed Redis lost of it, before it removes anything", async () => {
    writeSegment(directory, 1, frameOf(1, { completions: [intentOf(1)] }));
    const adopted = adoptLog(directory, logId, 0);
    startShipper(adopted);
    await until("it is in the stream", async () => (await numbersInStream()).length === 1);
    await observer.multi().del(keys.stream).hdel(keys.shipped, logId).exec();
    await engine.kill();
    await engine.restart();
    await until(
      "it is in the stream again, or the log is gone",
      async () => (await numbersInStream()).length === 1 || adopted.segments.length === 0,
    );
    expect(await numbersInStream()).toEqual([1]);
  });

  it("does not take another log's entries for its own", async () => {
    writeSegment(directory, 1, frameOf(1, { completions: [intentOf(1)] }));
    const segments = adoptLog(directory, logId, 0);
    startShipper(segments);
    await until("it is in the stream", async () => (await numbersInStream()).length === 1);
    const other = temporaryDirectory();
    try {
      writeSegment(other.path, 1, frameOf(1, { completions: [intentOf(2)] }));
      appendFileSync(segments.segments[0]!.path, "");
      startShipper(adoptLog(other.path, "e".repeat(32), 0));
      await until("both are in the stream", async () => (await numbersInStream()).length === 2);
      const [first] = await entries();
      await store(first!.id);
      await until("the first log is gone", () => segments.segments.length === 0);
      expect(await numbersInStream()).toEqual([1, 2]);
      expect(existsSync(other.path)).toBe(true);
    } finally {
      rmSync(other.path, { recursive: true, force: true });
    }
  });
});
