const LF = 0x0a;

/** Cuts a byte stream into lines. */
export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #bytes = 0;

  /** @param maxBytes longest line that is taken */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that end in this chunk, without their line breaks; empty lines are left out. Undefined: too long. */
  push(chunk: Buffer): Buffer[] | undefined {
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      if (this.#bytes + at - from > this.#maxBytes) return undefined;
      const line = this.#take(chunk.subarray(from, at));
      if (line.length > 0) lines.push(line);
      from = at + 1;
    }
    const rest = chunk.subarray(from);
    if (rest.length > 0) {
      this.#parts.push(rest);
      this.#bytes += rest.length;
    }
    return this.#bytes > this.#maxBytes ? undefined : lines;
  }

  #take(end: Buffer): Buffer {
    const line = this.#parts.length === 0 ? end : Buffer.concat([...this.#parts, end]);
    this.#parts = [];
    this.#bytes = 0;
    return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
  }
}
