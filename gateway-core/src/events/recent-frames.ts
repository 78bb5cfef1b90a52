import type { Frame } from "./frame.ts";
import type { Segment } from "./segments.ts";

/** A frame and where it stands in its log. */
type Placed = { readonly segment: Segment; readonly position: number; readonly frame: Frame };

/**
 * Frames that were just written, for the shipper of the same process: it needs not read back from the file what this
 * process still holds. A bounded courtesy; the file has everything.
 */
export class RecentFrames {
  readonly #maxBytes: number;
  #frames: Placed[] = [];
  #bytes = 0;

  /** @param maxBytes bytes in the log of what is kept, about */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Takes a frame that was written at a position of a segment. */
  add(segment: Segment, position: number, frame: Frame): void {
    // Nobody reads along: the shipper waits for Redis, and will read the file.
    if (this.#bytes > this.#maxBytes) this.clear();
    this.#bytes += frame.bytes;
    this.#frames.push({ segment, position, frame });
  }

  /** Gives away the frames from a position on that lie in the same segment; none when that position is not held. */
  takeFrom(segment: Segment, position: number): Frame[] {
    const first = this.#frames.findIndex(
      (placed) => placed.segment === segment && placed.position === position,
    );
    if (first < 0) return [];
    const after = this.#frames.findIndex(
      (placed, index) => index > first && placed.segment !== segment,
    );
    const end = after < 0 ? this.#frames.length : after;
    const taken = this.#frames.slice(first, end).map(({ frame }) => frame);
    this.#frames = this.#frames.slice(end);
    this.#bytes = this.#frames.reduce((sum, { frame }) => sum + frame.bytes, 0);
    return taken;
  }

  clear(): void {
    this.#frames = [];
    this.#bytes = 0;
  }
}
