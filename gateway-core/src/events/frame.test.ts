import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { FRAME_HEADER_BYTES, readFrame, sealFrame } from "./frame.ts";

/** A sealed frame with the given sections. */
function frameOf(intents: Uint8Array, completions: Uint8Array, sequence: number): Buffer {
  const frame = Buffer.concat([Buffer.alloc(FRAME_HEADER_BYTES), intents, completions]);
  sealFrame(frame, intents.length, sequence);
  return frame;
}

const section = fc.uint8Array({ maxLength: 200 });
const sequence = fc.maxSafeNat();

describe("a frame of the write-ahead log", () => {
  it("has the header that its description gives", () => {
    const frame = frameOf(Buffer.from("aabb", "hex"), Buffer.from("cc", "hex"), 0x0102030405);
    expect(frame.subarray(0, 4).toString("latin1")).toBe("GOWL");
    expect(frame.subarray(8).toString("hex")).toBe(
      "02000000" + "01000000" + "0504030201000000" + "aabb" + "cc",
    );
  });

  it("carries the CRC-32 of zlib: of the bytes after it", () => {
    // An empty frame of sequence 0 has 16 zero bytes after the checksum; their CRC-32 is ecbb4b55.
    const frame = frameOf(Buffer.alloc(0), Buffer.alloc(0), 0);
    expect(frame.readUInt32LE(4).toString(16)).toBe("ecbb4b55");
  });

  it("is read back as it was sealed, wherever it stands in the log", () => {
    fc.assert(
      fc.property(
        section,
        section,
        section,
        sequence,
        section,
        (before, intents, completions, number, after) => {
          const frame = frameOf(intents, completions, number);
          const log = Buffer.concat([before, frame, after]);
          const read = readFrame(log, before.length);
          expect(read?.sequence).toBe(number);
          expect(read?.bytes).toBe(frame.length);
          expect(read?.intents.equals(intents)).toBe(true);
          expect(read?.completions.equals(completions)).toBe(true);
        },
      ),
    );
  });

  it("is not read when its tail is torn off, at whatever byte", () => {
    const frame = frameOf(Buffer.alloc(30, 1), Buffer.alloc(40, 2), 7);
    for (let length = 0; length < frame.length; length++)
      expect(readFrame(frame.subarray(0, length), 0)).toBeUndefined();
    expect(readFrame(frame, 0)?.sequence).toBe(7);
  });

  it("is not read when any one bit of it is flipped", () => {
    const frame = frameOf(Buffer.alloc(30, 1), Buffer.alloc(40, 2), 7);
    // More follows, so that a flipped length finds bytes to cover.
    const log = Buffer.concat([frame, frameOf(Buffer.alloc(300, 3), Buffer.alloc(0), 8)]);
    for (let bit = 0; bit < frame.length * 8; bit++) {
      const flipped = Buffer.from(log);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(readFrame(flipped, 0)).toBeUndefined();
    }
  });

  it("is not read from zeros, as a file system may leave them after a crash", () => {
    expect(readFrame(Buffer.alloc(4096), 0)).toBeUndefined();
  });
});
