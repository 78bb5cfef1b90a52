const LF = 0x0a;
const CR = 0x0d;

/**
 * Where the lines of a chunk of an event stream end (WHATWG HTML §9.2.6). Goes through the chunk once for each kind of
 * line break, however many lines there are: a search anew for each line would cost a server nothing and us the square.
 */
export class LineEnds {
  readonly #chunk: Buffer;
  #lf = -1;
  #cr = -1;

  constructor(chunk: Buffer) {
    this.#chunk = chunk;
  }

  /** Offset of the break of the line that begins at an offset, or of the chunk's end. Offsets must not go back. */
  of(from: number): number {
    if (this.#lf < from) this.#lf = this.#next(LF, from);
    if (this.#cr < from) this.#cr = this.#next(CR, from);
    return Math.min(this.#lf, this.#cr);
  }

  #next(byte: number, from: number): number {
    const at = this.#chunk.indexOf(byte, from);
    return at < 0 ? this.#chunk.length : at;
  }
}
