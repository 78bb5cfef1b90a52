import { open, type FileHandle } from "node:fs/promises";
import { FRAME_HEADER_BYTES, readFrame, type Frame } from "./frame.ts";
import type { RecentFrames } from "./recent-frames.ts";
import type { Segment } from "./segments.ts";

/** Bytes read at once. A frame is at most as long as one turn of the event loop can fill, and may be longer. */
const READ_BYTES = 1024 * 1024;

/**
 * Reads a log's frames in order, from its first segment on, following the writer. A torn tail reads as "no more yet".
 */
export class LogReader {
  #segment: Segment | undefined;
  #file: FileHandle | undefined;
  #position = 0;
  readonly #segments: () => readonly Segment[];
  readonly #recent: RecentFrames | undefined;

  /**
   * @param segments the log's segments, oldest first, at each call as they are then
   * @param recent what the writer still holds, when it is of this process
   */
  constructor(segments: () => readonly Segment[], recent?: RecentFrames) {
    this.#segments = segments;
    this.#recent = recent;
  }

  /** The next frames that are whole; empty when the reader has caught up. */
  async next(): Promise<Frame[]> {
    for (;;) {
      const segment = this.#segment ?? (await this.#openNext(undefined));
      if (!segment) return [];
      // Asked before the read: only a segment that had a successor then can have been read to its end.
      const isFinal = this.#segments().at(-1)?.path !== segment.path;
      const frames = this.#takeRecent(segment) ?? (await this.#readHere(segment, READ_BYTES));
      if (frames.length > 0) return frames;
      if (!isFinal || !(await this.#openNext(segment))) return [];
    }
  }

  /** Begins again at the first segment. */
  async rewind(): Promise<void> {
    await this.close();
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    this.#segment = undefined;
    this.#position = 0;
  }

  #takeRecent(segment: Segment): Frame[] | undefined {
    const frames = this.#recent?.takeFrom(segment, this.#position) ?? [];
    for (const frame of frames) this.#position += frame.bytes;
    return frames.length > 0 ? frames : undefined;
  }

  /** The whole frames in the next bytes that are written, none when there are none or the next is torn. */
  async #readHere(segment: Segment, most: number): Promise<Frame[]> {
    const available = Math.min(most, segment.bytes - this.#position);
    if (available <= 0) return [];
    const buffer = Buffer.allocUnsafe(available);
    const { bytesRead } = (await this.#file?.read(buffer, 0, available, this.#position)) ?? {
      bytesRead: 0,
    };
    const bytes = buffer.subarray(0, bytesRead);
    const frames: Frame[] = [];
    let offset = 0;
    for (let frame = readFrame(bytes, 0); frame; frame = readFrame(bytes, offset)) {
      frames.push(frame);
      offset += frame.bytes;
    }
    this.#position += offset;
    if (frames.length === 0 && bytesRead === most) {
      const wanted = FRAME_HEADER_BYTES + bytes.readUInt32LE(8) + bytes.readUInt32LE(12);
      if (wanted > most) return this.#readHere(segment, wanted);
    }
    return frames;
  }

  /** Opens the segment after one; the writer leaves a segment only when a newer one exists, so its end is final. */
  async #openNext(after: Segment | undefined): Promise<Segment | undefined> {
    const segments = this.#segments();
    const next = after
      ? segments[segments.findIndex(({ path }) => path === after.path) + 1]
      : segments[0];
    if (!next) return undefined;
    await this.#file?.close();
    this.#file = await open(next.path, "r");
    this.#segment = next;
    this.#position = 0;
    return next;
  }
}
