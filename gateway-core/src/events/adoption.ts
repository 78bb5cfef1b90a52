import { appendFileSync, readFileSync, truncateSync } from "node:fs";
import { fromBinary } from "@bufbuild/protobuf";
import {
  CallEventBatchSchema,
  CallIntentBatchSchema,
  Outcome,
  type CallIntent,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { REASONS } from "@gatewayops/platform/errors";
import { FRAME_HEADER_BYTES, readFrame, sealFrame } from "./frame.ts";
import {
  EMPTY,
  NO_TOOL,
  writeCompletionEvent,
  type CompletionFields,
  type IntentFields,
} from "./record.ts";
import { listSegments, type Segment } from "./segments.ts";
import { WireWriter } from "./wire.ts";
import type { ShippedLog } from "./shipper.ts";

/** A dead worker's log, made whole: its torn tail cut off, its open calls ended as unknown. */
export type AdoptedLog = ShippedLog & {
  /** Calls that were begun and not ended. */
  readonly unknownCalls: number;
  /** Sequence number of the newest frame that holds completions. */
  readonly lastSequence: number;
};

/**
 * Adopts the log a dead worker left: cuts off the tail that was torn when it died, and appends a completion with
 * outcome unknown for every intent without one. Doing it again changes nothing more.
 */
export function adoptLog(directory: string, logId: string, nowMs: number): AdoptedLog {
  const segments = listSegments(directory);
  const open = new Map<string, CallIntent>();
  let lastSequence = 0;
  let lastCompletedSequence = 0;
  for (const [index, segment] of segments.entries()) {
    const bytes = readFileSync(segment.path);
    let offset = 0;
    for (let frame = readFrame(bytes, 0); frame; frame = readFrame(bytes, offset)) {
      for (const intent of fromBinary(CallIntentBatchSchema, frame.intents).intents)
        open.set(Buffer.from(intent.callId).toString("hex"), intent);
      for (const event of fromBinary(CallEventBatchSchema, frame.completions).events)
        open.delete(Buffer.from(event.completion?.intent?.callId ?? EMPTY).toString("hex"));
      lastSequence = Math.max(lastSequence, frame.sequence);
      if (frame.completions.length > 0) lastCompletedSequence = frame.sequence;
      offset += frame.bytes;
    }
    // Only the last segment can have been torn by a crash. What is spoilt in an older one is evidence.
    if (offset < bytes.length && index === segments.length - 1) {
      truncateSync(segment.path, offset);
      segment.bytes = offset;
    }
    if (index === segments.length - 1 && open.size > 0) {
      lastSequence += 1;
      lastCompletedSequence = lastSequence;
      segment.bytes += endAsUnknown(segment, [...open.values()], {
        logId: Buffer.from(logId, "hex"),
        sequence: lastSequence,
        nowMs,
      });
    }
  }
  return {
    logId,
    segments,
    live: false,
    unknownCalls: open.size,
    lastSequence: lastCompletedSequence,
    forget(removed: readonly Segment[]) {
      for (const segment of removed) segments.splice(segments.indexOf(segment), 1);
    },
  };
}

function endAsUnknown(
  segment: Segment,
  intents: readonly CallIntent[],
  { logId, sequence, nowMs }: { logId: Buffer; sequence: number; nowMs: number },
): number {
  const out = new WireWriter(512 * intents.length);
  for (const intent of intents)
    writeCompletionEvent(out, fieldsOf(intent), unknownEnd(intent, nowMs), logId);
  const completions = out.written();
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + completions.length);
  frame.set(completions, FRAME_HEADER_BYTES);
  sealFrame(frame, 0, sequence);
  appendFileSync(segment.path, frame, { flush: true });
  return frame.length;
}

/** How a call ends whose worker died. The tool may have run, but nothing was answered, so nothing is charged. */
function unknownEnd(intent: CallIntent, nowMs: number): CompletionFields {
  return {
    durationUs: Math.max(0, nowMs * 1000 - Number(intent.startTimeUs)),
    outcome: Outcome.UNKNOWN,
    reason: REASONS.WORKER_LOST.number,
    httpStatus: 0,
    rpcCode: 0,
    responseBytes: 0,
    costUsdMicros: 0n,
    priceRuleId: EMPTY,
    stages: { stages: [], outcomes: [], durationsUs: [], ruleOwners: [] },
    sampled: true,
    attempts: 1,
    budgetId: EMPTY,
  };
}

function fieldsOf(intent: CallIntent): IntentFields {
  const toolId = Buffer.alloc(8);
  toolId.writeBigUInt64LE(intent.toolId);
  return {
    callId: Buffer.from(intent.callId),
    startTimeUs: Number(intent.startTimeUs),
    orgId: Buffer.from(intent.orgId),
    teamId: Buffer.from(intent.teamId),
    userId: Buffer.from(intent.userId),
    keyId: Buffer.from(intent.keyId),
    serverId: Buffer.from(intent.serverId),
    toolId: intent.toolId === 0n ? NO_TOOL : toolId,
    operation: intent.operation,
    traceId: Buffer.from(intent.traceId),
    spanId: Buffer.from(intent.spanId),
    parentSpanId: Buffer.from(intent.parentSpanId),
    face: intent.face,
    requestBytes: intent.requestBytes,
    reservedUsdMicros: intent.reservedUsdMicros,
  };
}
