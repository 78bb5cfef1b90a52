import { LineEnds } from "./line-ends.ts";

/** One event of a stream, as it is dispatched (WHATWG HTML §9.2.6). */
export type SseEvent = {
  /** "message" where the stream names no type. */
  readonly event: string;
  /** The stream's last event id when this event ended; empty while none was named. */
  readonly id: string;
  /** The stream's reconnection time in milliseconds when this event ended; undefined while none was named. */
  readonly retry: number | undefined;
  /** The data's bytes as they came, its lines joined by LF. */
  readonly data: Buffer;
};

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** Reads an SSE stream (WHATWG HTML §9.2.6), in whatever chunks it comes. */
export class SseParser {
  /** The last event id, also of an event without data, which is not dispatched. */
  lastEventId = "";
  /** The reconnection time in milliseconds; undefined while the stream named none. */
  retryMs: number | undefined;

  readonly #maxBytes: number;
  /** The line so far, where it began in an earlier chunk. */
  #parts: Buffer[] = [];
  #partsBytes = 0;
  #isFirstLine = true;
  #lastWasCr = false;
  /** The event's data, with room for more; undefined before its first line. */
  #data: Buffer | undefined;
  #dataBytes = 0;
  #event = "";
  #id = "";

  /** @param maxBytes most bytes of an event's data and the line that is being read */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The events that end in this chunk. Undefined: one is too large, and the stream cannot be read on. */
  feed(chunk: Buffer): SseEvent[] | undefined {
    const events: SseEvent[] = [];
    const ends = new LineEnds(chunk);
    let at = 0;
    while (at < chunk.length) {
      if (this.#lastWasCr) {
        this.#lastWasCr = false;
        if (chunk[at] === LF) at++;
        continue;
      }
      const end = ends.of(at);
      const rest = chunk.subarray(at, end);
      const before = this.#data ? this.#dataBytes + 1 : 0;
      if (before + this.#partsBytes + rest.length > this.#maxBytes) return undefined;
      if (end === chunk.length) {
        this.#parts.push(rest);
        this.#partsBytes += rest.length;
        return events;
      }
      this.#lastWasCr = chunk[end] === CR;
      at = end + 1;
      const event = this.#lineEnds(rest);
      if (event) events.push(event);
    }
    return events;
  }

  /** The event that the line ends, if it is blank and there is one. */
  #lineEnds(rest: Buffer): SseEvent | undefined {
    let line = this.#parts.length === 0 ? rest : Buffer.concat([...this.#parts, rest]);
    this.#parts = [];
    this.#partsBytes = 0;
    if (this.#isFirstLine) {
      this.#isFirstLine = false;
      if (line.subarray(0, 3).equals(BYTE_ORDER_MARK)) line = line.subarray(3);
    }
    if (line.length === 0) return this.#eventEnds();
    const colon = line.indexOf(COLON);
    if (colon === 0) return undefined; // a comment
    const name = line.toString("latin1", 0, colon < 0 ? line.length : colon);
    const from = line[colon + 1] === SPACE ? colon + 2 : colon + 1;
    this.#field(name, colon < 0 ? line.subarray(line.length) : line.subarray(from));
    return undefined;
  }

  #field(name: string, value: Buffer): void {
    switch (name) {
      case "data":
        this.#addData(value);
        return;
      case "event":
        this.#event = value.toString("utf8");
        return;
      case "id":
        if (!value.includes(0)) this.#id = value.toString("utf8");
        return;
      case "retry": {
        const text = value.toString("latin1");
        if (/^[0-9]+$/.test(text)) this.retryMs = Number(text);
      }
    }
  }

  /** In one buffer, which doubles: millions of empty lines must not become as many objects. */
  #addData(value: Buffer): void {
    const data = this.#data;
    if (!data) {
      // The lines of an event may lie in different chunks, which are not ours to keep.
      this.#data = Buffer.from(value);
      this.#dataBytes = value.length;
      return;
    }
    const bytes = this.#dataBytes + 1 + value.length;
    const roomy =
      bytes <= data.length ? data : Buffer.concat([data], Math.max(bytes, 2 * data.length));
    roomy[this.#dataBytes] = LF;
    value.copy(roomy, this.#dataBytes + 1);
    this.#data = roomy;
    this.#dataBytes = bytes;
  }

  #eventEnds(): SseEvent | undefined {
    this.lastEventId = this.#id;
    const data = this.#data?.subarray(0, this.#dataBytes);
    const event = this.#event;
    this.#data = undefined;
    this.#dataBytes = 0;
    this.#event = "";
    if (!data) return undefined;
    return {
      event: event === "" ? "message" : event,
      id: this.lastEventId,
      retry: this.retryMs,
      data,
    };
  }
}
