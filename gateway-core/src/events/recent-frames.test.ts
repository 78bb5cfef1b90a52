import { describe, expect, it } from "@jest/globals";
import type { Frame } from "./frame.ts";
import { RecentFrames } from "./recent-frames.ts";
import type { Segment } from "./segments.ts";

const SEGMENT: Segment = { path: "1.wal", firstSequence: 1, bytes: 0 };
const NEXT: Segment = { path: "2.wal", firstSequence: 3, bytes: 0 };

function frame(sequence: number, completions = Buffer.alloc(10, sequence)): Frame {
  return { sequence, intents: Buffer.alloc(0), completions, bytes: 100 };
}

describe("RecentFrames", () => {
  it("gives a reader the frames from where it stands, once", () => {
    const recent = new RecentFrames(1_000);
    recent.add(SEGMENT, 0, frame(1));
    recent.add(SEGMENT, 100, frame(2));
    recent.add(SEGMENT, 200, frame(3));
    expect(recent.takeFrom(SEGMENT, 100).map(({ sequence }) => sequence)).toEqual([2, 3]);
    expect(recent.takeFrom(SEGMENT, 100)).toEqual([]);
  });

  it("gives nothing to a reader that stands where it holds nothing", () => {
    const recent = new RecentFrames(1_000);
    recent.add(SEGMENT, 100, frame(2));
    expect(recent.takeFrom(SEGMENT, 0)).toEqual([]);
    expect(recent.takeFrom(NEXT, 100)).toEqual([]);
    expect(recent.takeFrom(SEGMENT, 100)).toHaveLength(1);
  });

  it("stops at the end of a segment, where the reader opens the next one", () => {
    const recent = new RecentFrames(1_000);
    recent.add(SEGMENT, 0, frame(1));
    recent.add(NEXT, 0, frame(2));
    expect(recent.takeFrom(SEGMENT, 0).map(({ sequence }) => sequence)).toEqual([1]);
    expect(recent.takeFrom(NEXT, 0).map(({ sequence }) => sequence)).toEqual([2]);
  });

  it("forgets all it holds when nobody has taken it for long", () => {
    const recent = new RecentFrames(250);
    for (let index = 0; index < 4; index++) recent.add(SEGMENT, index * 100, frame(index + 1));
    expect(recent.takeFrom(SEGMENT, 0)).toEqual([]);
    expect(recent.takeFrom(SEGMENT, 300).map(({ sequence }) => sequence)).toEqual([4]);
  });

  it("has a bound for frames without completions too", () => {
    const recent = new RecentFrames(250);
    for (let index = 0; index < 4; index++)
      recent.add(SEGMENT, index * 100, frame(index + 1, Buffer.alloc(0)));
    expect(recent.takeFrom(SEGMENT, 0)).toEqual([]);
  });
});
