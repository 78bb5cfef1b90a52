import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import {
  CallEventBatchSchema,
  CallIntentBatchSchema,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { FRAME_HEADER_BYTES, readFrame, sealFrame, type Frame } from "../src/events/frame.ts";
import {
  writeCompletionEvent,
  writeIntentElement,
  type CompletionFields,
  type IntentFields,
} from "../src/events/record.ts";
import { listSegments, segmentPath, type Segment } from "../src/events/segments.ts";
import { WireWriter } from "../src/events/wire.ts";
import { completionOf, numberOf } from "./record-samples.ts";

/** Id of the log that frames of tests are of. */
const LOG_ID = Buffer.alloc(16, 0xab);

/** A new directory and what removes it. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "gwo-wal-"));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** The frames in a file, up to the first that is not whole. */
export function framesIn(path: string): Frame[] {
  const bytes = readFileSync(path);
  const frames: Frame[] = [];
  let offset = 0;
  for (let frame = readFrame(bytes, 0); frame; frame = readFrame(bytes, offset)) {
    frames.push(frame);
    offset += frame.bytes;
  }
  return frames;
}

/** All frames of a log, oldest first. */
export function framesOf(directory: string): Frame[] {
  return listSegments(directory).flatMap(({ path }) => framesIn(path));
}

export function intentNumbers(frame: Pick<Frame, "intents">): number[] {
  return fromBinary(CallIntentBatchSchema, frame.intents).intents.map(({ callId }) =>
    numberOf(callId),
  );
}

export function completionsIn(payload: Uint8Array): CallCompletion[] {
  return fromBinary(CallEventBatchSchema, payload).events.map(({ completion }) => completion!);
}

export function completionNumbers(payload: Uint8Array): number[] {
  return completionsIn(payload).map(({ intent }) => numberOf(intent!.callId));
}

/** A sealed frame with intents and completions. */
export function frameOf(
  sequence: number,
  calls: {
    intents?: readonly IntentFields[];
    completions?: readonly IntentFields[];
    completion?: Partial<CompletionFields>;
  },
): Buffer {
  const intents = new WireWriter(64);
  for (const intent of calls.intents ?? []) writeIntentElement(intents, intent);
  const completions = new WireWriter(64);
  for (const intent of calls.completions ?? [])
    writeCompletionEvent(completions, intent, completionOf(calls.completion), LOG_ID);
  const frame = Buffer.concat([
    Buffer.alloc(FRAME_HEADER_BYTES),
    intents.written(),
    completions.written(),
  ]);
  sealFrame(frame, intents.position, sequence);
  return frame;
}

/** Writes a segment of frames. */
export function writeSegment(
  directory: string,
  firstSequence: number,
  ...frames: Uint8Array[]
): Segment {
  const path = segmentPath(directory, firstSequence);
  const bytes = Buffer.concat(frames);
  writeFileSync(path, bytes);
  return { path, firstSequence, bytes: bytes.length };
}
