import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from "node:fs";
import { Failure } from "@gatewayops/platform/errors";
import { FRAME_HEADER_BYTES, sealFrame } from "./frame.ts";
import { RecentFrames } from "./recent-frames.ts";
import {
  EMPTY,
  writeCompletionEvent,
  writeIntentElement,
  type CompletionFields,
  type IntentFields,
} from "./record.ts";
import { OpenCalls, type OpenSlot } from "./open-calls.ts";
import { segmentPath, type Segment } from "./segments.ts";
import { WireWriter } from "./wire.ts";

/** A call as the log sees it: told when its lines are written, or that they cannot be. */
export type LoggedCall = OpenSlot & {
  readonly intent: IntentFields;
  onIntentWritten(): void;
  onCompletionWritten(): void;
  /** The line was not written. Nothing may go to the MCP server, or to the agent as an answer. */
  onLogFailed(failure: Failure): void;
};

export type CallLogOptions = {
  /** Id of the log, 16 bytes. */
  readonly logId: Buffer;
  /** Directory of this log alone; made when missing. */
  readonly directory: string;
  /** Bytes after which a new segment is begun. */
  readonly segmentBytes: number;
  /** Bytes of all segments at which new calls are refused. */
  readonly maxBytes: number;
  /** True: every frame is forced to the disk before its calls go on, for those who fear the host as well. */
  readonly fsync: boolean;
  /** Told after each frame that holds completions, to ship it. */
  readonly onFrame: () => void;
};

/**
 * The write-ahead log of one worker. All lines of one turn of the event loop become one frame, written by one
 * system call: what is written survives `kill -9` of this process.
 */
export class CallLog {
  readonly directory: string;
  /** Segments not yet removed, oldest first; the last one is being written. */
  readonly segments: Segment[] = [];
  /** Sequence number of the newest frame. 0: none. */
  lastSequence = 0;
  /** Sequence number of the newest frame that holds completions, which is what is shipped. 0: none. */
  lastCompletedSequence = 0;

  /** What was written last, for this log's shipper. */
  readonly recent = new RecentFrames(RECENT_MAX_BYTES);

  readonly #options: CallLogOptions;
  /** The frame being gathered: room for its header, then the intents. The completions join them when it is written. */
  readonly #frame = newFrame();
  readonly #completions = new WireWriter(64 * 1024);
  #intentCalls: LoggedCall[] = [];
  #completionCalls: LoggedCall[] = [];
  readonly #open = new OpenCalls<LoggedCall>();
  #scheduled = false;
  #file = -1;

  constructor(options: CallLogOptions) {
    this.#options = options;
    this.directory = options.directory;
    mkdirSync(options.directory, { recursive: true });
  }

  /** Calls whose intent is written and whose completion is not. */
  get openCalls(): number {
    return this.#open.size;
  }

  /** Bytes of all segments. */
  get bytes(): number {
    return this.#totalBytes;
  }

  /** True when the log has reached its bound: no new call may begin, not even to be refused on record. */
  get isFull(): boolean {
    return this.#totalBytes >= this.#options.maxBytes;
  }

  /**
   * Takes an intent into this turn's frame.
   *
   * @throws Failure RECORD_UNAVAILABLE when the log has reached its bound
   */
  intend(call: LoggedCall): void {
    if (this.isFull) throw logFull();
    writeIntentElement(this.#frame, call.intent);
    this.#intentCalls.push(call);
    this.#schedule();
  }

  /**
   * Takes a completion into this turn's frame. At its bound the log still takes the ends of calls that run, since
   * they were promised a record, but not those of calls that were refused before they began.
   */
  complete(call: LoggedCall, completion: CompletionFields): void {
    if (this.isFull && !this.#open.has(call)) {
      call.onLogFailed(logFull());
      return;
    }
    writeCompletionEvent(this.#completions, call.intent, completion, this.#options.logId);
    this.#completionCalls.push(call);
    this.#schedule();
  }

  /** Writes what is waiting and closes the file. */
  close(): void {
    this.#flush();
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = -1;
  }

  /** Takes segments, already removed from disk, out of the books. */
  forget(segments: readonly Segment[]): void {
    for (const segment of segments) {
      this.segments.splice(this.segments.indexOf(segment), 1);
      this.#totalBytes -= segment.bytes;
    }
  }

  #totalBytes = 0;

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#flushBound);
  }

  readonly #flushBound = (): void => {
    this.#flush();
  };

  #flush(): void {
    this.#scheduled = false;
    const intentCalls = this.#intentCalls;
    const completionCalls = this.#completionCalls;
    if (intentCalls.length === 0 && completionCalls.length === 0) return;
    this.#intentCalls = [];
    this.#completionCalls = [];
    const failure = this.#writeFrame();
    for (const call of completionCalls) {
      this.#open.delete(call);
      if (failure) call.onLogFailed(failure);
      else call.onCompletionWritten();
    }
    for (const call of intentCalls) {
      if (failure) {
        call.onLogFailed(failure);
      } else {
        this.#open.add(call);
        call.onIntentWritten();
      }
    }
    if (!failure && completionCalls.length > 0) this.#options.onFrame();
  }

  #writeFrame(): Failure | undefined {
    const intentsBytes = this.#frame.position - FRAME_HEADER_BYTES;
    const completions = Buffer.allocUnsafe(this.#completions.position);
    completions.set(this.#completions.written());
    this.#frame.raw(completions);
    const frame = this.#frame.written();
    sealFrame(frame, intentsBytes, this.lastSequence + 1);
    this.#frame.position = FRAME_HEADER_BYTES;
    this.#completions.position = 0;
    try {
      const segment = this.#segmentFor(frame.length);
      const position = segment.bytes;
      writeWhole(this.#file, frame, position);
      if (this.#options.fsync) fsyncSync(this.#file);
      segment.bytes += frame.length;
      this.#totalBytes += frame.length;
      this.lastSequence += 1;
      if (completions.length > 0) this.lastCompletedSequence = this.lastSequence;
      this.recent.add(segment, position, {
        sequence: this.lastSequence,
        intents: EMPTY,
        completions,
        bytes: frame.length,
      });
      return undefined;
    } catch (error) {
      return new Failure("RECORD_UNAVAILABLE", "The call cannot be recorded. Tell an operator.", {
        retryAfterMs: 5_000,
        cause: error,
      });
    }
  }

  #segmentFor(bytes: number): Segment {
    const current = this.segments.at(-1);
    if (current && (current.bytes === 0 || current.bytes + bytes <= this.#options.segmentBytes))
      return current;
    const path = segmentPath(this.directory, this.lastSequence + 1);
    const file = openSync(path, "w");
    const segment = { path, firstSequence: this.lastSequence + 1, bytes: 0 };
    try {
      this.#carryOpenIntents(file, segment);
    } catch (error) {
      closeSync(file);
      throw error;
    }
    if (this.#file >= 0) closeSync(this.#file);
    this.#file = file;
    this.segments.push(segment);
    this.#totalBytes += segment.bytes;
    return segment;
  }

  /**
   * Repeats the open intents at the head of a new segment, so that an old one can be removed though a call that it
   * announced still runs. The frame has no completions and is never shipped, so it needs no number of its own.
   */
  #carryOpenIntents(file: number, segment: Segment): void {
    if (this.#open.size === 0) return;
    const carried = newFrame();
    for (const call of this.#open) writeIntentElement(carried, call.intent);
    const frame = carried.written();
    sealFrame(frame, frame.length - FRAME_HEADER_BYTES, this.lastSequence);
    writeWhole(file, frame, 0);
    segment.bytes = frame.length;
  }
}

/** Bytes of frames that are kept for the shipper. */
const RECENT_MAX_BYTES = 1024 * 1024;

function newFrame(): WireWriter {
  const frame = new WireWriter(64 * 1024);
  frame.position = FRAME_HEADER_BYTES;
  return frame;
}

/** The refusal of a call while the log is full. */
export function logFull(): Failure {
  return new Failure(
    "RECORD_UNAVAILABLE",
    "Calls cannot be recorded: the backlog has reached its bound. Tell an operator; try again later.",
    { retryAfterMs: 5_000 },
  );
}

/** Writes at a position, so that a write that failed half-way is overwritten by the next try. */
function writeWhole(file: number, bytes: Buffer, position: number): void {
  let written = 0;
  while (written < bytes.length)
    written += writeSync(file, bytes, written, bytes.length - written, position + written);
}
