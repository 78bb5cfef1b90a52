import { execFile } from "node:child_process";
import { appendFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { intentOf } from "../../test/record-samples.ts";
import {
  completionNumbers,
  frameOf,
  temporaryDirectory,
  writeSegment,
} from "../../test/wal-files.ts";
import { FRAME_HEADER_BYTES, sealFrame } from "./frame.ts";
import { LogReader } from "./log-reader.ts";
import type { Segment } from "./segments.ts";

let directory: string;
let remove: () => void;
let segments: Segment[];
let reader: LogReader;

beforeEach(() => {
  ({ path: directory, remove } = temporaryDirectory());
  segments = [];
  reader = new LogReader(() => segments);
});

afterEach(async () => {
  await reader.close();
  remove();
});

/** A frame with one completion, whose number is the sequence. */
function frame(sequence: number): Buffer {
  return frameOf(sequence, { completions: [intentOf(sequence)] });
}

/** Writes more to a segment, as the log does: the bytes first, then the books. */
function append(segment: Segment, bytes: Uint8Array): void {
  appendFileSync(segment.path, bytes);
  segment.bytes += bytes.length;
}

/** The sequences of all frames there are to read now. */
async function readAll(): Promise<number[]> {
  const sequences: number[] = [];
  for (let frames = await reader.next(); frames.length > 0; frames = await reader.next())
    sequences.push(...frames.map(({ sequence }) => sequence));
  return sequences;
}

describe("LogReader", () => {
  it("has nothing to read of a log without segments", async () => {
    expect(await reader.next()).toEqual([]);
  });

  it("reads frames in order across segments, sections and all", async () => {
    segments.push(writeSegment(directory, 1, frame(1), frame(2)));
    segments.push(writeSegment(directory, 3, frame(3)));
    const [first] = await reader.next();
    expect(completionNumbers(first!.completions)).toEqual([1]);
    await reader.rewind();
    expect(await readAll()).toEqual([1, 2, 3]);
  });

  it("follows a file that grows", async () => {
    const segment = writeSegment(directory, 1, frame(1));
    segments.push(segment);
    expect(await readAll()).toEqual([1]);
    expect(await readAll()).toEqual([]);
    append(segment, frame(2));
    expect(await readAll()).toEqual([2]);
  });

  it("reads a frame once it is whole, and not before", async () => {
    const next = frame(2);
    const segment = writeSegment(directory, 1, frame(1));
    segments.push(segment);
    expect(await readAll()).toEqual([1]);
    for (const byte of next.subarray(0, -1)) {
      append(segment, Buffer.of(byte));
      expect(await reader.next()).toEqual([]);
    }
    append(segment, next.subarray(-1));
    expect(await readAll()).toEqual([2]);
  });

  it("reads nothing that is in the file but not in the books: the write may still fail and be repeated", async () => {
    const segment = writeSegment(directory, 1, frame(1));
    segments.push(segment);
    appendFileSync(segment.path, frame(2));
    expect(await readAll()).toEqual([1]);
    segment.bytes += frame(2).length;
    expect(await readAll()).toEqual([2]);
  });

  it("goes on to a segment that is begun after it has caught up", async () => {
    segments.push(writeSegment(directory, 1, frame(1)));
    expect(await readAll()).toEqual([1]);
    segments.push(writeSegment(directory, 2, frame(2)));
    expect(await readAll()).toEqual([2]);
  });

  it("misses nothing that is written to a segment between its last look and the next segment's beginning", async () => {
    const first = writeSegment(directory, 1, frame(1));
    let written = false;
    let looks = 0;
    segments.push(first);
    reader = new LogReader(() => {
      // The reader asks for segments when it has read an empty end: just then the writer appends and goes on.
      if (++looks > 1 && !written) {
        written = true;
        append(first, frame(2));
        segments.push(writeSegment(directory, 3, frame(3)));
      }
      return segments;
    });
    expect(await readAll()).toEqual([1, 2, 3]);
  });

  it("goes on with the oldest segment left when its own was removed", async () => {
    segments.push(writeSegment(directory, 1, frame(1)));
    expect(await readAll()).toEqual([1]);
    segments.splice(0, 1, writeSegment(directory, 2, frame(2)));
    expect(await readAll()).toEqual([2]);
  });

  it("passes over the torn tail of a segment that is not the last", async () => {
    segments.push(writeSegment(directory, 1, frame(1), frame(2).subarray(0, 40)));
    segments.push(writeSegment(directory, 3, frame(3)));
    expect(await readAll()).toEqual([1, 3]);
  });

  it("reads a frame that is larger than what it reads at once", async () => {
    const large = Buffer.alloc(FRAME_HEADER_BYTES + 3 * 1024 * 1024);
    sealFrame(large, large.length - FRAME_HEADER_BYTES, 2);
    segments.push(writeSegment(directory, 1, frame(1), large, frame(3)));
    expect(await readAll()).toEqual([1, 2, 3]);
  });

  it("begins again at the first segment when it is rewound", async () => {
    segments.push(writeSegment(directory, 1, frame(1)));
    segments.push(writeSegment(directory, 2, frame(2)));
    expect(await readAll()).toEqual([1, 2]);
    await reader.rewind();
    expect(await readAll()).toEqual([1, 2]);
  });

  it("reads a spoilt length as the end, whatever it says", async () => {
    const spoilt = Buffer.alloc(2 * 1024 * 1024, 0xff);
    frame(2).copy(spoilt);
    spoilt.writeUInt32LE(0xffff_ffff, 8);
    const segment = writeSegment(directory, 1, frame(1), spoilt);
    // In a process of its own: reading four gigabytes at once ends Node itself, not only the test.
    const script = `
      import { LogReader } from ${JSON.stringify(new URL("./log-reader.ts", import.meta.url).href)};
      const reader = new LogReader(() => [${JSON.stringify(segment)}]);
      const sequences = [];
      for (let frames = await reader.next(); frames.length > 0; frames = await reader.next())
        sequences.push(...frames.map((frame) => frame.sequence));
      await reader.close();
      console.log(JSON.stringify(sequences));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--input-type=module", "--eval", script],
      { encoding: "utf8" },
    );
    expect(JSON.parse(stdout)).toEqual([1]);
  });
});
