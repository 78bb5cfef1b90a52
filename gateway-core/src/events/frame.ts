import { crc32 } from "node:zlib";

// A frame of the write-ahead log, all numbers little-endian:
//   0  u32  magic
//   4  u32  CRC-32 of everything from byte 8 to the frame's end
//   8  u32  length of the intents section
//  12  u32  length of the completions section
//  16  u64  sequence number in its log, rising by one
//  24  the intents section: a serialized CallIntentBatch
//      the completions section: a serialized CallEventBatch, which is what is shipped

const MAGIC = 0x4c574f47; // "GOWL"
export const FRAME_HEADER_BYTES = 24;

/** A frame as read back. The sections are views into the buffer that was read. */
export type Frame = {
  readonly sequence: number;
  readonly intents: Buffer;
  readonly completions: Buffer;
  /** Bytes of the whole frame. */
  readonly bytes: number;
};

/**
 * Writes a frame's header into the first 24 bytes of a buffer that already holds both sections.
 *
 * @param frame header space, then intents, then completions, and nothing else
 */
export function sealFrame(frame: Buffer, intentsBytes: number, sequence: number): void {
  frame.writeUInt32LE(MAGIC, 0);
  frame.writeUInt32LE(intentsBytes, 8);
  frame.writeUInt32LE(frame.length - FRAME_HEADER_BYTES - intentsBytes, 12);
  frame.writeUInt32LE(sequence % 2 ** 32, 16);
  frame.writeUInt32LE(Math.floor(sequence / 2 ** 32), 20);
  frame.writeUInt32LE(crc32(frame.subarray(8)), 4);
}

/**
 * Reads the frame that begins at an offset. Undefined when there is no whole, intact frame: the end of the log, or a
 * tail torn by a crash, which was never acknowledged to anyone.
 */
export function readFrame(log: Buffer, offset: number): Frame | undefined {
  if (log.length - offset < FRAME_HEADER_BYTES || log.readUInt32LE(offset) !== MAGIC)
    return undefined;
  const intentsBytes = log.readUInt32LE(offset + 8);
  const completionsBytes = log.readUInt32LE(offset + 12);
  const bytes = FRAME_HEADER_BYTES + intentsBytes + completionsBytes;
  if (log.length - offset < bytes) return undefined;
  if (crc32(log.subarray(offset + 8, offset + bytes)) !== log.readUInt32LE(offset + 4))
    return undefined;
  const body = offset + FRAME_HEADER_BYTES;
  return {
    sequence: Number(log.readBigUInt64LE(offset + 16)),
    intents: log.subarray(body, body + intentsBytes),
    completions: log.subarray(body + intentsBytes, offset + bytes),
    bytes,
  };
}
