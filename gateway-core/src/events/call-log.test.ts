import { fstatSync, mkdirSync, openSync, closeSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { Failure } from "@gatewayops/platform/errors";
import { completionOf, NotedCall } from "../../test/record-samples.ts";
import {
  completionNumbers,
  framesIn,
  framesOf,
  intentNumbers,
  temporaryDirectory,
} from "../../test/wal-files.ts";
import { CallLog, type CallLogOptions } from "./call-log.ts";

let directory: string;
let remove: () => void;
let heard: string[];
let framesTold: number;
const logs: CallLog[] = [];

beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
  directory = join(directory, "log");
  heard = [];
  framesTold = 0;
});

afterEach(() => {
  for (const log of logs.splice(0)) log.close();
  remove();
});

function openLog(options: Partial<CallLogOptions> = {}): CallLog {
  const log = new CallLog({
    logId: Buffer.alloc(16, 1),
    directory,
    segmentBytes: 1024 * 1024,
    maxBytes: 1024 * 1024 * 1024,
    fsync: false,
    onFrame: () => framesTold++,
    ...options,
  });
  logs.push(log);
  return log;
}

/** Begins a call and lets its frame be written. */
async function intend(log: CallLog, number: number): Promise<NotedCall> {
  const call = new NotedCall(number, heard);
  log.intend(call);
  await nextTurn();
  return call;
}

async function complete(log: CallLog, call: NotedCall): Promise<void> {
  log.complete(call, completionOf());
  await nextTurn();
}

/** Makes a directory's log unwritable: every new segment fails. */
function takeDirectoryAway(): void {
  rmSync(directory, { recursive: true });
}

describe("CallLog", () => {
  it("writes all lines of one turn of the event loop as one frame", async () => {
    const log = openLog();
    const first = await intend(log, 1);
    for (let number = 2; number <= 50; number++) log.intend(new NotedCall(number, heard));
    log.complete(first, completionOf());
    expect(framesOf(directory)).toHaveLength(1);
    await nextTurn();
    const frames = framesOf(directory);
    expect(frames.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(intentNumbers(frames[1]!)).toEqual(Array.from({ length: 49 }, (_, i) => i + 2));
    expect(completionNumbers(frames[1]!.completions)).toEqual([1]);
    expect(log.lastSequence).toBe(2);
  });

  it("tells nobody before the line is in the file", async () => {
    const log = openLog();
    const framesWhenTold: number[] = [];
    const call = new NotedCall(1, heard);
    call.onIntentWritten = () => framesWhenTold.push(framesOf(directory).length);
    call.onCompletionWritten = () => framesWhenTold.push(framesOf(directory).length);
    log.intend(call);
    expect(framesWhenTold).toEqual([]);
    await nextTurn();
    log.complete(call, completionOf());
    expect(framesWhenTold).toEqual([1]);
    await nextTurn();
    expect(framesWhenTold).toEqual([1, 2]);
  });

  it("tells of an intent before the completion of the same call", async () => {
    const log = openLog();
    const call = await intend(log, 1);
    await complete(log, call);
    expect(heard).toEqual(["intent 1", "completion 1"]);
  });

  it("asks for shipping after frames with completions only", async () => {
    const log = openLog();
    const call = await intend(log, 1);
    expect(framesTold).toBe(0);
    await complete(log, call);
    expect(framesTold).toBe(1);
  });

  it("counts the calls that are begun and not ended", async () => {
    const log = openLog();
    const first = await intend(log, 1);
    await intend(log, 2);
    expect(log.openCalls).toBe(2);
    await complete(log, first);
    expect(log.openCalls).toBe(1);
  });

  it("takes the completion of a call that had no intent, as refused calls have none", async () => {
    const log = openLog();
    await complete(log, new NotedCall(9, heard));
    expect(completionNumbers(framesOf(directory)[0]!.completions)).toEqual([9]);
    expect(heard).toEqual(["completion 9"]);
    expect(log.openCalls).toBe(0);
  });

  it("carries every open intent into a new segment, and no ended one", async () => {
    const log = openLog({ segmentBytes: 1_000 });
    const ended = await intend(log, 1);
    await intend(log, 2);
    await intend(log, 3);
    await complete(log, ended);
    let number = 4;
    while (log.segments.length < 2) await intend(log, number++);
    const [carried, next] = framesIn(log.segments[1]!.path);
    // The newest call is announced by the frame that did not fit, which follows.
    const earlier = Array.from({ length: number - 3 }, (_, index) => index + 2);
    expect(intentNumbers(carried!).sort((a, b) => a - b)).toEqual(earlier);
    expect(intentNumbers(next!)).toEqual([number - 1]);
    expect(carried!.completions).toHaveLength(0);
    expect(next!.sequence).toBe(log.segments[1]!.firstSequence);
    expect(log.segments[0]!.bytes).toBeLessThanOrEqual(1_000);
  });

  it("numbers frames one after the other across segments", async () => {
    const log = openLog({ segmentBytes: 600 });
    for (let number = 1; number <= 10; number++) await complete(log, await intend(log, number));
    const numbered = framesOf(directory).filter(({ completions }) => completions.length > 0);
    expect(numbered.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 10 }, (_, index) => 2 * (index + 1)),
    );
    expect(log.segments.length).toBeGreaterThan(2);
    for (const { path, firstSequence } of log.segments)
      expect(path.endsWith(`${String(firstSequence).padStart(12, "0")}.wal`)).toBe(true);
  });

  it("writes a frame that is larger than a segment", async () => {
    const log = openLog({ segmentBytes: 300 });
    await intend(log, 1);
    for (let number = 2; number <= 20; number++) log.intend(new NotedCall(number, heard));
    await nextTurn();
    expect(heard).toHaveLength(20);
    expect(intentNumbers(framesOf(directory).at(-1)!)).toHaveLength(19);
  });

  it("refuses a new call at its bound, and takes one again when segments were removed", async () => {
    const log = openLog({ segmentBytes: 600, maxBytes: 1_200 });
    let number = 1;
    while (log.bytes < 1_200) await complete(log, await intend(log, number++));
    const refused = new NotedCall(number, heard);
    let failure: unknown;
    try {
      log.intend(refused);
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(Failure);
    expect((failure as Failure).reason).toBe("RECORD_UNAVAILABLE");
    await nextTurn();
    expect(heard).not.toContain(`intent ${number}`);
    log.forget(log.segments.slice(0, -1));
    await intend(log, number);
    expect(heard).toContain(`intent ${number}`);
  });

  it("still takes the completion of a running call at its bound", async () => {
    const log = openLog({ maxBytes: 100 });
    const call = await intend(log, 1);
    expect(() => {
      log.intend(new NotedCall(2, heard));
    }).toThrow(Failure);
    await complete(log, call);
    expect(heard).toEqual(["intent 1", "completion 1"]);
  });

  it("does not grow by the refusals of calls once it is at its bound", async () => {
    const log = openLog({ maxBytes: 2_000 });
    await intend(log, 1);
    for (let number = 2; number <= 200; number++) {
      await complete(log, new NotedCall(number, heard));
    }
    // One frame above the bound at most: what is refused at the bound must not fill the disk.
    expect(log.bytes).toBeLessThan(3_000);
  });

  it("acknowledges nothing when a frame cannot be written", async () => {
    const log = openLog({ segmentBytes: 1 });
    const running = await intend(log, 1);
    takeDirectoryAway();
    log.intend(new NotedCall(2, heard));
    log.complete(running, completionOf());
    await nextTurn();
    expect(heard).toEqual(["intent 1", "failed 1", "failed 2"]);
    expect(running.failure?.reason).toBe("RECORD_UNAVAILABLE");
    expect(framesTold).toBe(0);
    expect(log.openCalls).toBe(0);
  });

  it("records again once its directory is back", async () => {
    const log = openLog({ segmentBytes: 1 });
    await intend(log, 1);
    takeDirectoryAway();
    await intend(log, 2);
    await intend(log, 3);
    expect(heard).toEqual(["intent 1", "failed 2", "failed 3"]);
    mkdirSync(directory);
    await intend(log, 4);
    expect(heard.at(-1)).toBe("intent 4");
    expect(intentNumbers(framesOf(directory).at(-1)!)).toEqual([4]);
  });

  it("closes no file of others when new segments fail", async () => {
    const log = openLog({ segmentBytes: 1 });
    await intend(log, 1);
    takeDirectoryAway();
    await intend(log, 2); // closes its own file and cannot open the next
    const path = join(directory, "..", "other");
    writeFileSync(path, "");
    const others = Array.from({ length: 8 }, () => openSync(path, "r"));
    await intend(log, 3);
    const closed = others.filter((file) => {
      try {
        fstatSync(file);
        return false;
      } catch {
        return true;
      }
    });
    for (const file of others) if (!closed.includes(file)) closeSync(file);
    expect(closed).toEqual([]);
  });

  it("carries open intents also into a segment that could not be begun at first", async () => {
    const log = openLog({ segmentBytes: 1 });
    await intend(log, 1);
    takeDirectoryAway();
    await intend(log, 2);
    mkdirSync(directory);
    await intend(log, 3);
    const numbers = framesIn(log.segments.at(-1)!.path).flatMap(intentNumbers);
    expect(numbers).toContain(1);
    expect(numbers).toContain(3);
  });

  it("writes what waits when it is closed", () => {
    const log = openLog();
    log.intend(new NotedCall(1, heard));
    log.close();
    expect(heard).toEqual(["intent 1"]);
    expect(framesOf(directory)).toHaveLength(1);
  });

  it("fails calls that come after it was closed", async () => {
    const log = openLog();
    await intend(log, 1);
    log.close();
    await intend(log, 2);
    expect(heard).toEqual(["intent 1", "failed 2"]);
  });

  it("writes the same frames when every one is forced to the disk", async () => {
    const log = openLog({ fsync: true });
    await complete(log, await intend(log, 1));
    expect(heard).toEqual(["intent 1", "completion 1"]);
    expect(framesOf(directory)).toHaveLength(2);
  });
});
