import type {
  Face,
  Operation,
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { WireWriter } from "./wire.ts";

/** What a record says of a call before it is made. Ids are 16 bytes, EMPTY where there is none. */
export type IntentFields = {
  readonly callId: Buffer;
  /** Microseconds since 1970-01-01 UTC. */
  readonly startTimeUs: number;
  readonly orgId: Buffer;
  readonly teamId: Buffer;
  readonly userId: Buffer;
  readonly keyId: Buffer;
  readonly serverId: Buffer;
  /** 8 bytes, little-endian. Zeros: no tool. */
  readonly toolId: Buffer;
  readonly operation: Operation;
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId: Buffer;
  readonly face: Face;
  readonly requestBytes: number;
  readonly reservedUsdMicros: bigint;
};

/** What a record says of a call once it has ended. */
export type CompletionFields = {
  readonly durationUs: number;
  readonly outcome: Outcome;
  /** Number of a reason, 0 for none. */
  readonly reason: number;
  readonly httpStatus: number;
  readonly rpcCode: number;
  readonly responseBytes: number;
  readonly costUsdMicros: bigint;
  readonly priceRuleId: Buffer;
  readonly stages: StageTimes;
  readonly sampled: boolean;
  readonly attempts: number;
  /** Budget that refused the call or would have; EMPTY for none. */
  readonly budgetId: Buffer;
};

/** What the stages did: parallel arrays in the order of the pipeline. */
export type StageTimes = {
  readonly stages: readonly Stage[];
  readonly outcomes: readonly StageOutcome[];
  readonly durationsUs: readonly number[];
  readonly ruleOwners: readonly RuleOwner[];
};

export const EMPTY = Buffer.alloc(0);
export const NO_TOOL = Buffer.alloc(8);

const UINT32_MAX = 0xffffffff;

/** Bytes per token of the linear estimate, which prices bill: text in English has about four, all is taken for it. */
const BYTES_PER_TOKEN = 4;

/** Writes a CallIntent's fields. */
export function writeIntent(out: WireWriter, intent: IntentFields): void {
  out.reserve(320);
  out.bytes(1, intent.callId);
  out.number(2, intent.startTimeUs);
  out.bytes(3, intent.orgId);
  out.bytes(4, intent.teamId);
  out.bytes(5, intent.userId);
  out.bytes(6, intent.keyId);
  out.bytes(7, intent.serverId);
  if (intent.toolId !== NO_TOOL) out.fixed64(8, intent.toolId);
  out.number(9, intent.operation);
  out.bytes(10, intent.traceId);
  out.bytes(11, intent.spanId);
  out.bytes(12, intent.parentSpanId);
  out.number(13, intent.face);
  out.number(14, intent.requestBytes);
  out.bigint(15, intent.reservedUsdMicros);
}

/**
 * Writes one element of CallEventBatch.events with its completion.
 *
 * @param logId of the log that it is written to, 16 bytes
 */
export function writeCompletionEvent(
  out: WireWriter,
  intent: IntentFields,
  completion: CompletionFields,
  logId: Buffer,
): void {
  const event = out.begin(1);
  const body = out.begin(1);
  const embedded = out.begin(1);
  writeIntent(out, intent);
  out.end(embedded);
  out.number(2, completion.durationUs);
  out.number(3, completion.outcome);
  out.number(4, completion.reason);
  out.number(5, completion.httpStatus);
  out.signed(6, completion.rpcCode);
  out.number(7, completion.responseBytes);
  out.bigint(8, completion.costUsdMicros);
  out.bytes(9, completion.priceRuleId);
  out.number(10, estimatedTokens(intent.requestBytes));
  out.number(11, estimatedTokens(completion.responseBytes));
  const { stages, outcomes, durationsUs, ruleOwners } = completion.stages;
  for (let i = 0; i < stages.length; i++) {
    const report = out.begin(12);
    out.number(1, stages[i] ?? 0);
    out.number(2, outcomes[i] ?? 0);
    out.number(3, Math.min(UINT32_MAX, durationsUs[i] ?? 0));
    out.number(4, ruleOwners[i] ?? 0);
    out.end(report);
  }
  if (completion.sampled) out.number(13, 1);
  out.number(14, completion.attempts);
  out.bytes(20, completion.budgetId);
  out.bytes(21, logId);
  out.end(body);
  out.end(event);
}

/** Writes one element of CallIntentBatch.intents. */
export function writeIntentElement(out: WireWriter, intent: IntentFields): void {
  const element = out.begin(1);
  writeIntent(out, intent);
  out.end(element);
}

/** Tokens of a body by the linear estimate. */
export function estimatedTokens(bytes: number): number {
  return Math.min(UINT32_MAX, Math.ceil(bytes / BYTES_PER_TOKEN));
}
