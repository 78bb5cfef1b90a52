import { AnswerScan } from "./answer-scan.ts";
import { LineEnds } from "./line-ends.ts";
import type { ReportedCostScan } from "./reported-cost.ts";

const LF = 0x0a;
const CR = 0x0d;
const LETTER_I = 0x69;
const LETTER_R = 0x72;
/** Characters of a line that may be an id. */
const FIELD_MAX = 1024;
const DATA_PREFIX = Buffer.from("data:");
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Watches an SSE stream (WHATWG HTML §9.2.6) for the event that holds the JSON-RPC answer. Everything may be passed on
 * at once but the blank line that ends that event: until it comes, no client acts on the event.
 */
export class SseGate {
  /** How the call ended, once `feed` found the answer. */
  readonly scan = new AnswerScan();
  /** True once the answer's event has ended. */
  isAnswered = false;
  /** Bytes of the event that has not ended yet. */
  eventBytes = 0;
  /** True between events: nothing of an unfinished event was passed on. */
  isBetweenEvents = true;
  /** Id of the last event that had one; empty for none. */
  lastEventId = "";
  /** How long the server wants to be waited before its stream is resumed, in milliseconds. */
  retryMs: number | undefined;

  readonly #idText: string;
  readonly #cost: ReportedCostScan | undefined;
  /** Bytes of the current line so far, at most as many as the prefix. */
  #prefix = 0;
  #isData = true;
  /** The line so far, when it may be one of the two short fields that count; undefined when it is none. */
  #field: string | undefined;
  #lineLength = 0;
  #hasData = false;
  #lastWasCr = false;
  /** Bytes of a byte order mark seen at the stream's beginning; all of them once there is none to come. */
  #markBytes = 0;

  /**
   * @param idText JSON of the id that the answer has; empty: any answer counts
   * @param cost reads the answer as well, where its price is wanted
   */
  constructor(idText: string, cost?: ReportedCostScan) {
    this.#idText = idText;
    this.#cost = cost;
  }

  /**
   * Takes the next bytes of the stream.
   *
   * @returns how many of them may be passed on now; the rest waits until the answer is recorded
   */
  feed(chunk: Buffer): number {
    const ends = new LineEnds(chunk);
    let at = this.#skipMark(chunk);
    let eventStart = 0;
    while (at < chunk.length && !this.isAnswered) {
      const byte = chunk[at];
      if (this.#lastWasCr) {
        this.#lastWasCr = false;
        if (byte === LF) {
          at++;
          continue;
        }
      }
      if (byte === LF || byte === CR) {
        this.#lastWasCr = byte === CR;
        if (this.#lineLength === 0 && this.#eventEnds()) return at;
        this.#lineEnds();
        at++;
        if (!this.isBetweenEvents) continue;
        eventStart = at;
        this.eventBytes = 0;
        continue;
      }
      at = this.#line(chunk, at, ends);
    }
    this.eventBytes += chunk.length - eventStart;
    return chunk.length;
  }

  /** A byte order mark at the stream's beginning is no part of the first line (WHATWG HTML §9.2.6). */
  #skipMark(chunk: Buffer): number {
    let at = 0;
    while (this.#markBytes < BYTE_ORDER_MARK.length && at < chunk.length) {
      if (chunk[at] !== BYTE_ORDER_MARK[this.#markBytes]) {
        // Half a mark is text, and begins a line that is no data.
        if (this.#markBytes > 0) this.#isData = false;
        this.#markBytes = BYTE_ORDER_MARK.length;
        return at;
      }
      this.#markBytes++;
      at++;
    }
    return at;
  }

  /** Takes what is left of the line in this chunk. */
  #line(chunk: Buffer, from: number, ends: LineEnds): number {
    this.isBetweenEvents = false;
    if (this.#lineLength === 0 && this.#prefix === 0)
      this.#field = chunk[from] === LETTER_I || chunk[from] === LETTER_R ? "" : undefined;
    let at = from;
    while (this.#prefix < DATA_PREFIX.length && this.#isData && at < chunk.length) {
      const byte = chunk[at];
      if (byte === LF || byte === CR) return at;
      if (byte !== DATA_PREFIX[this.#prefix]) this.#isData = false;
      this.#prefix++;
      this.#lineLength++;
      at++;
    }
    const end = ends.of(at);
    if (this.#field !== undefined && this.#field.length < FIELD_MAX)
      this.#field += chunk.toString("latin1", from, end);
    if (this.#isData && this.#prefix === DATA_PREFIX.length && end > at) {
      this.#hasData = true;
      const data = chunk.subarray(at, end);
      this.scan.feed(data);
      this.#cost?.feed(data);
    }
    this.#lineLength += end - at;
    return end;
  }

  #lineEnds(): void {
    if (this.#field !== undefined) this.#fieldEnds(this.#field);
    this.#field = undefined;
    this.#prefix = 0;
    this.#isData = true;
    this.#lineLength = 0;
  }

  #fieldEnds(line: string): void {
    const [, name, value = ""] = /^(id|retry): ?(.*)$/.exec(line) ?? [];
    if (name === "id" && line.length < FIELD_MAX && !value.includes("\0")) this.lastEventId = value;
    if (name === "retry" && /^[0-9]{1,9}$/.test(value)) this.retryMs = Number(value);
  }

  /** True when the event that ends here is the answer. */
  #eventEnds(): boolean {
    const isAnswer =
      this.#hasData &&
      this.scan.isWhole &&
      this.scan.kind !== "other" &&
      (this.#idText === "" || this.scan.answers(this.#idText));
    this.#hasData = false;
    // The blank line of the answer's event is held: until it comes, the event is open.
    this.isBetweenEvents = !isAnswer;
    if (isAnswer) this.isAnswered = true;
    else {
      this.scan.reset();
      this.#cost?.reset();
    }
    return isAnswer;
  }
}
