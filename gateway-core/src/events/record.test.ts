import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  CallEventBatchSchema,
  CallIntentBatchSchema,
  Face,
  Operation,
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
  type CallCompletion,
  type CallIntent,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { completionOf, intentOf } from "../../test/record-samples.ts";
import {
  EMPTY,
  NO_TOOL,
  writeCompletionEvent,
  writeIntentElement,
  type CompletionFields,
  type IntentFields,
} from "./record.ts";
import { WireWriter } from "./wire.ts";

const UINT32_MAX = 2 ** 32 - 1;

const LOG_ID = Buffer.alloc(16, 0xab);

function intentBytes(...intents: IntentFields[]): Buffer {
  const out = new WireWriter(16);
  for (const intent of intents) writeIntentElement(out, intent);
  return out.written();
}

function eventBytes(intent: IntentFields, completion: CompletionFields): Buffer {
  const out = new WireWriter(16);
  writeCompletionEvent(out, intent, completion, LOG_ID);
  return out.written();
}

/** The one completion in a serialized batch. */
function onlyCompletion(bytes: Uint8Array): CallCompletion {
  const { events } = fromBinary(CallEventBatchSchema, bytes);
  expect(events).toHaveLength(1);
  return events[0]!.completion!;
}

/** Every value of an enum that a record may hold. */
function valuesOf<T extends number>(enumeration: Record<string, T | string>): T[] {
  return Object.values(enumeration).filter((value): value is T => typeof value === "number");
}

const id16 = fc.oneof(
  fc.constant<Buffer>(EMPTY),
  fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes)),
);
const id8 = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes));
const usdMicros = fc.bigInt({ min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) });
const safeInteger = fc.maxSafeNat();
const uint32 = fc.integer({ min: 0, max: UINT32_MAX });

const anyIntent: fc.Arbitrary<IntentFields> = fc.record({
  callId: id16,
  startTimeUs: safeInteger,
  orgId: id16,
  teamId: id16,
  userId: id16,
  keyId: id16,
  serverId: id16,
  toolId: fc.oneof(fc.constant<Buffer>(NO_TOOL), id8),
  operation: fc.constantFrom(
    Operation.UNSPECIFIED,
    Operation.TOOLS_CALL,
    Operation.RESOURCES_READ,
    Operation.PROMPTS_GET,
    Operation.COMPLETION_COMPLETE,
  ),
  traceId: id16,
  spanId: id8,
  parentSpanId: fc.oneof(fc.constant<Buffer>(EMPTY), id8),
  face: fc.constantFrom(Face.UNSPECIFIED, Face.MCP_LEGACY, Face.MCP_MODERN, Face.REST, Face.GRPC),
  requestBytes: uint32,
  reservedUsdMicros: usdMicros,
});

const anyReport = fc.record({
  stage: fc.constantFrom(...valuesOf(Stage)),
  outcome: fc.constantFrom(...valuesOf(StageOutcome)),
  durationUs: uint32,
  ruleOwner: fc.constantFrom(...valuesOf(RuleOwner)),
});

const anyCompletion: fc.Arbitrary<CompletionFields> = fc.record({
  durationUs: safeInteger,
  outcome: fc.constantFrom(...valuesOf(Outcome)),
  reason: uint32,
  httpStatus: uint32,
  rpcCode: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  responseBytes: safeInteger.map((bytes) => bytes % (4 * UINT32_MAX)),
  costUsdMicros: usdMicros,
  priceRuleId: id16,
  stages: fc.array(anyReport, { maxLength: 12 }).map((reports) => ({
    stages: reports.map(({ stage }) => stage),
    outcomes: reports.map(({ outcome }) => outcome),
    durationsUs: reports.map(({ durationUs }) => durationUs),
    ruleOwners: reports.map(({ ruleOwner }) => ruleOwner),
  })),
  sampled: fc.boolean(),
  attempts: uint32,
  budgetId: id16,
});

function expectIntent(read: CallIntent, wanted: IntentFields): void {
  expect({
    callId: Buffer.from(read.callId),
    startTimeUs: Number(read.startTimeUs),
    orgId: Buffer.from(read.orgId),
    teamId: Buffer.from(read.teamId),
    userId: Buffer.from(read.userId),
    keyId: Buffer.from(read.keyId),
    serverId: Buffer.from(read.serverId),
    operation: read.operation,
    traceId: Buffer.from(read.traceId),
    spanId: Buffer.from(read.spanId),
    parentSpanId: Buffer.from(read.parentSpanId),
    face: read.face,
    requestBytes: read.requestBytes,
    reservedUsdMicros: read.reservedUsdMicros,
    toolId: read.toolId,
  }).toEqual({ ...wanted, toolId: wanted.toolId.readBigUInt64LE() });
  expect(read.$unknown ?? []).toEqual([]);
}

describe("writeIntentElement", () => {
  it("writes the bytes worked out by hand", () => {
    const bytes = intentBytes({
      callId: Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"),
      startTimeUs: 300,
      orgId: Buffer.alloc(16, 0x11),
      teamId: EMPTY,
      userId: EMPTY,
      keyId: EMPTY,
      serverId: EMPTY,
      toolId: Buffer.from("0100000000000080", "hex"), // 0x8000000000000001, little-endian
      operation: Operation.RESOURCES_READ,
      traceId: EMPTY,
      spanId: Buffer.from("a1a2a3a4a5a6a7a8", "hex"),
      parentSpanId: EMPTY,
      face: Face.REST,
      requestBytes: 128,
      reservedUsdMicros: 1n,
    });
    expect(bytes.toString("hex")).toBe(
      [
        "0ac300", // intents = 1, length 67 as a two-byte varint
        "0a10000102030405060708090a0b0c0d0e0f", // call_id = 1, 16 bytes: 18
        "10ac02", // start_time_us = 2, 300: 3
        "1a1011111111111111111111111111111111", // org_id = 3: 18
        "410100000000000080", // tool_id = 8, fixed64: 9
        "4802", // operation = 9: 2
        "5a08a1a2a3a4a5a6a7a8", // span_id = 11: 10
        "6803", // face = 13: 2
        "708001", // request_bytes = 14, 128: 3
        "7801", // reserved_usd_micros = 15: 2, in all 67
      ].join(""),
    );
  });

  it("is read back by protobuf field for field", () => {
    fc.assert(
      fc.property(fc.array(anyIntent, { minLength: 1, maxLength: 5 }), (intents) => {
        const read = fromBinary(CallIntentBatchSchema, intentBytes(...intents)).intents;
        expect(read).toHaveLength(intents.length);
        for (const [index, intent] of intents.entries()) expectIntent(read[index]!, intent);
      }),
    );
  });
});

describe("writeCompletionEvent", () => {
  it("is read back by protobuf field for field", () => {
    fc.assert(
      fc.property(anyIntent, anyCompletion, (intent, completion) => {
        const read = onlyCompletion(eventBytes(intent, completion));
        expectIntent(read.intent!, intent);
        expect({
          durationUs: Number(read.durationUs),
          outcome: read.outcome,
          reason: read.reason,
          httpStatus: read.httpStatus,
          rpcCode: read.rpcCode,
          responseBytes: Number(read.responseBytes),
          costUsdMicros: read.costUsdMicros,
          priceRuleId: Buffer.from(read.priceRuleId),
          sampled: read.sampled,
          attempts: read.attempts,
          budgetId: Buffer.from(read.budgetId),
          stages: {
            stages: read.stages.map((report) => report.stage),
            outcomes: read.stages.map((report) => report.outcome),
            durationsUs: read.stages.map((report) => report.durationUs),
            ruleOwners: read.stages.map((report) => report.ruleOwner),
          },
        }).toEqual(completion);
        expect(Buffer.from(read.logId)).toEqual(LOG_ID);
        expect(read.$unknown ?? []).toEqual([]);
      }),
    );
  });

  it("estimates a token per four bytes, rounded up", () => {
    const tokens = (requestBytes: number, responseBytes: number): number[] => {
      const read = onlyCompletion(
        eventBytes(intentOf(1, { requestBytes }), completionOf({ responseBytes })),
      );
      return [read.inputTokens, read.outputTokens];
    };
    expect(tokens(0, 0)).toEqual([0, 0]);
    expect(tokens(4, 5)).toEqual([1, 2]);
    expect(tokens(1, 4_000_001)).toEqual([1, 1_000_001]);
  });

  it("adds up when batches are concatenated, which is how entries are gathered", () => {
    const batches = [1, 2, 3].map((number) => eventBytes(intentOf(number), completionOf()));
    const { events } = fromBinary(CallEventBatchSchema, Buffer.concat(batches));
    expect(events.map(({ completion }) => completion?.intent?.callId[15])).toEqual([1, 2, 3]);
  });

  it("stays far below the 16383 bytes that an embedded message may have, at its largest", () => {
    const every = Array.from({ length: 12 }, (_, index) => index);
    const largest = eventBytes(
      {
        callId: Buffer.alloc(16, 255),
        startTimeUs: Number.MAX_SAFE_INTEGER,
        orgId: Buffer.alloc(16, 255),
        teamId: Buffer.alloc(16, 255),
        userId: Buffer.alloc(16, 255),
        keyId: Buffer.alloc(16, 255),
        serverId: Buffer.alloc(16, 255),
        toolId: Buffer.alloc(8, 255),
        operation: Operation.COMPLETION_COMPLETE,
        traceId: Buffer.alloc(16, 255),
        spanId: Buffer.alloc(8, 255),
        parentSpanId: Buffer.alloc(8, 255),
        face: Face.REST,
        requestBytes: UINT32_MAX,
        reservedUsdMicros: BigInt(Number.MAX_SAFE_INTEGER),
      },
      completionOf({
        durationUs: Number.MAX_SAFE_INTEGER,
        responseBytes: UINT32_MAX,
        costUsdMicros: BigInt(Number.MAX_SAFE_INTEGER),
        priceRuleId: Buffer.alloc(16, 255),
        rpcCode: -(2 ** 31),
        stages: {
          stages: every.map(() => Stage.PRICE),
          outcomes: every.map(() => StageOutcome.FAILED),
          durationsUs: every.map(() => UINT32_MAX),
          ruleOwners: every.map(() => RuleOwner.ORG),
        },
      }),
    );
    expect(largest.length).toBeLessThan(1_024);
  });

  it("keeps the time of a stage that ran longer than 32 bits of microseconds can say at their most", () => {
    // 2 h = 7.2e9 µs, above 2^32 − 1 = 4.29e9: StageReport.duration_us is a uint32 and must not wrap around.
    const twoHoursUs = 7_200_000_000;
    const read = onlyCompletion(
      eventBytes(
        intentOf(1),
        completionOf({
          durationUs: twoHoursUs,
          stages: {
            stages: [Stage.UPSTREAM],
            outcomes: [StageOutcome.PASSED],
            durationsUs: [twoHoursUs],
            ruleOwners: [RuleOwner.UNSPECIFIED],
          },
        }),
      ),
    );
    expect(Number(read.durationUs)).toBe(twoHoursUs);
    expect(read.stages[0]?.durationUs).toBe(UINT32_MAX);
  });
});
