import { appendFileSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { completionOf, intentOf, NotedCall, numberOf } from "../../test/record-samples.ts";
import {
  completionNumbers,
  completionsIn,
  frameOf,
  framesOf,
  temporaryDirectory,
  writeSegment,
} from "../../test/wal-files.ts";
import { adoptLog } from "./adoption.ts";
import { CallLog } from "./call-log.ts";
import { EMPTY, type IntentFields } from "./record.ts";
import { listSegments } from "./segments.ts";

const LOG_ID = "ab".repeat(16);
const NOW_MS = 1_795_444_201_000; // one second after the calls of the samples

let directory: string;
let remove: () => void;

beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
});

afterEach(() => {
  remove();
});

/** Numbers of all calls completed in the log, in order. */
function completed(): number[] {
  return framesOf(directory).flatMap(({ completions }) => completionNumbers(completions));
}

describe("adoptLog", () => {
  it("ends every open call as unknown: not charged, reason WORKER_LOST", () => {
    const intent: IntentFields = intentOf(7, {
      teamId: Buffer.alloc(16, 2),
      toolId: Buffer.from("0102030405060788", "hex"),
      parentSpanId: Buffer.alloc(8, 9),
      reservedUsdMicros: 5_000n,
    });
    writeSegment(directory, 1, frameOf(1, { intents: [intent] }));
    const adopted = adoptLog(directory, LOG_ID, NOW_MS);
    expect(adopted.unknownCalls).toBe(1);
    expect(adopted.lastSequence).toBe(2);
    const last = framesOf(directory).at(-1)!;
    expect(last.sequence).toBe(2);
    const [end] = completionsIn(last.completions);
    expect(end).toMatchObject({
      outcome: Outcome.UNKNOWN,
      reason: 101, // WORKER_LOST in docs/errors.md
      durationUs: 1_000_000n,
      costUsdMicros: 0n,
      httpStatus: 0,
      sampled: true,
    });
    expect(end!.intent).toMatchObject({
      startTimeUs: BigInt(intent.startTimeUs),
      toolId: intent.toolId.readBigUInt64LE(),
      reservedUsdMicros: 5_000n,
    });
    expect(numberOf(end!.intent!.callId)).toBe(7);
    expect(Buffer.from(end!.intent!.teamId)).toEqual(intent.teamId);
    expect(Buffer.from(end!.intent!.parentSpanId)).toEqual(intent.parentSpanId);
    expect(Buffer.from(end!.intent!.userId)).toEqual(EMPTY);
  });

  it("ends open calls once, however often the log is adopted", () => {
    writeSegment(
      directory,
      1,
      frameOf(1, { intents: [intentOf(1), intentOf(2), intentOf(3)] }),
      frameOf(2, { completions: [intentOf(2)] }),
    );
    expect(adoptLog(directory, LOG_ID, NOW_MS).unknownCalls).toBe(2);
    const after = readFileSync(listSegments(directory)[0]!.path);
    const again = adoptLog(directory, LOG_ID, NOW_MS + 60_000);
    expect(again.unknownCalls).toBe(0);
    expect(again.lastSequence).toBe(3);
    expect(readFileSync(listSegments(directory)[0]!.path).equals(after)).toBe(true);
    expect(completed()).toEqual([2, 1, 3]);
  });

  it("repeats no completion: a call that ended stays as it ended", () => {
    writeSegment(directory, 1, frameOf(1, { intents: [intentOf(1)], completions: [intentOf(2)] }));
    writeSegment(directory, 2, frameOf(2, { completions: [intentOf(1)] }));
    expect(adoptLog(directory, LOG_ID, NOW_MS).unknownCalls).toBe(0);
    expect(completed()).toEqual([2, 1]);
  });

  it("counts an intent that was carried into the next segment once", async () => {
    const heard: string[] = [];
    const log = new CallLog({
      logId: Buffer.from(LOG_ID, "hex"),
      directory,
      segmentBytes: 400,
      maxBytes: 1e9,
      fsync: false,
      onFrame: () => undefined,
    });
    log.intend(new NotedCall(1, heard));
    for (let number = 2; number <= 8; number++) {
      const call = new NotedCall(number, heard);
      log.complete(call, completionOf());
      await new Promise(setImmediate);
    }
    log.close();
    expect(listSegments(directory).length).toBeGreaterThan(2);
    expect(adoptLog(directory, LOG_ID, NOW_MS).unknownCalls).toBe(1);
    expect(completed()).toEqual([2, 3, 4, 5, 6, 7, 8, 1]);
  });

  it("cuts off the torn tail, so that what is appended can be read", () => {
    const torn = frameOf(2, { completions: [intentOf(1)] });
    for (const length of [1, 23, 24, 40, torn.length - 1]) {
      const segment = writeSegment(
        directory,
        1,
        frameOf(1, { intents: [intentOf(1)] }),
        torn.subarray(0, length),
      );
      const adopted = adoptLog(directory, LOG_ID, NOW_MS);
      expect(adopted.unknownCalls).toBe(1);
      expect(completed()).toEqual([1]);
      expect(adopted.segments[0]?.bytes).toBe(readFileSync(segment.path).length);
    }
  });

  it("makes a log of nothing but a torn frame an empty one", () => {
    writeSegment(directory, 1, frameOf(1, { intents: [intentOf(1)] }).subarray(0, 50));
    const adopted = adoptLog(directory, LOG_ID, NOW_MS);
    expect(adopted).toMatchObject({ unknownCalls: 0, lastSequence: 0 });
    expect(framesOf(directory)).toEqual([]);
  });

  it("gives a call no negative duration when the clock went back", () => {
    writeSegment(directory, 1, frameOf(1, { intents: [intentOf(1)] }));
    adoptLog(directory, LOG_ID, NOW_MS - 3_600_000);
    expect(completionsIn(framesOf(directory).at(-1)!.completions)[0]!.durationUs).toBe(0n);
  });

  it("numbers the end of open calls after the newest frame, though the newest segment holds a carried one only", () => {
    writeSegment(directory, 1, frameOf(1, { intents: [intentOf(1)] }), frameOf(2, {}));
    writeSegment(directory, 3, frameOf(2, { intents: [intentOf(1)] }));
    expect(adoptLog(directory, LOG_ID, NOW_MS).lastSequence).toBe(3);
  });

  it("takes removed segments out of its books", () => {
    const first = writeSegment(directory, 1, frameOf(1, { completions: [intentOf(1)] }));
    writeSegment(directory, 2, frameOf(2, { completions: [intentOf(2)] }));
    const adopted = adoptLog(directory, LOG_ID, NOW_MS);
    adopted.forget(adopted.segments.slice(0, 1));
    expect(adopted.segments.map(({ path }) => path)).not.toContain(first.path);
    expect(adopted.segments).toHaveLength(1);
  });

  it("loses no intact frame that stands behind a spoilt one in an older segment", () => {
    const spoilt = frameOf(2, { completions: [intentOf(2)] });
    spoilt[30]! ^= 1;
    const segment = writeSegment(directory, 1, frameOf(1, { completions: [intentOf(1)] }), spoilt);
    appendFileSync(segment.path, frameOf(3, { completions: [intentOf(3)] }));
    const before = readFileSync(segment.path).length;
    writeSegment(directory, 4, frameOf(4, { completions: [intentOf(4)] }));
    adoptLog(directory, LOG_ID, NOW_MS);
    // Only the last segment can have been torn by a crash; anything else is damage, and evidence.
    expect(readFileSync(segment.path).length).toBe(before);
  });
});
