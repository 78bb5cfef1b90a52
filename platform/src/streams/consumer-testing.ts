import { create, toBinary } from "@bufbuild/protobuf";
import {
  CallCompletionSchema,
  CallEventBatchSchema,
  CallIntentSchema,
  Face,
  Operation,
  Outcome,
  type CallCompletion,
  type CallIntent,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { randomBytesPooled, uuidV7 } from "../ids.ts";

/** What a test says of a record; the rest is a successful tool call. */
export type RecordSpec = {
  readonly intent?: Partial<Omit<CallIntent, "$typeName" | "$unknown">>;
  readonly completion?: Partial<Omit<CallCompletion, "$typeName" | "$unknown" | "intent">>;
};

/** A record for tests: a successful tool call with ids of its own, of the given time. */
export function makeRecord(startTimeUs: bigint, spec: RecordSpec = {}): CallCompletion {
  const intent = create(CallIntentSchema, {
    callId: uuidV7(Number(startTimeUs / 1000n)),
    startTimeUs,
    orgId: randomBytesPooled(16),
    traceId: randomBytesPooled(16),
    spanId: randomBytesPooled(8),
    operation: Operation.TOOLS_CALL,
    face: Face.MCP_MODERN,
    requestBytes: 110,
    ...spec.intent,
  });
  return create(CallCompletionSchema, {
    durationUs: 2_000n,
    outcome: Outcome.OK,
    httpStatus: 200,
    responseBytes: 130n,
    attempts: 1,
    sampled: true,
    ...spec.completion,
    intent,
  });
}

/** The payload of a stream entry with the records. */
export function payloadOf(records: readonly CallCompletion[]): Buffer {
  const batch = create(CallEventBatchSchema, {
    events: records.map((completion) => ({ completion })),
  });
  return Buffer.from(toBinary(CallEventBatchSchema, batch));
}
