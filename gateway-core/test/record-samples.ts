import {
  Face,
  Operation,
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Failure } from "@gatewayops/platform/errors";
import type { LoggedCall } from "../src/events/call-log.ts";
import { EMPTY, NO_TOOL, type CompletionFields, type IntentFields } from "../src/events/record.ts";

/** An intent whose call id is the number, so that tests can tell calls apart. */
export function intentOf(number: number, fields: Partial<IntentFields> = {}): IntentFields {
  const callId = Buffer.alloc(16);
  callId.writeUInt32BE(number, 12);
  return {
    callId,
    startTimeUs: 1_795_444_200_000_000,
    orgId: Buffer.alloc(16, 1),
    teamId: EMPTY,
    userId: EMPTY,
    keyId: Buffer.alloc(16, 4),
    serverId: Buffer.alloc(16, 5),
    toolId: NO_TOOL,
    operation: Operation.TOOLS_CALL,
    traceId: Buffer.alloc(16, 6),
    spanId: Buffer.alloc(8, 7),
    parentSpanId: EMPTY,
    face: Face.MCP_MODERN,
    requestBytes: 110,
    reservedUsdMicros: 0n,
    ...fields,
  };
}

/** The number `intentOf` put into a call id. */
export function numberOf(callId: Uint8Array): number {
  return Buffer.from(callId).readUInt32BE(12);
}

export function completionOf(fields: Partial<CompletionFields> = {}): CompletionFields {
  return {
    durationUs: 1_500,
    outcome: Outcome.OK,
    reason: 0,
    httpStatus: 200,
    rpcCode: 0,
    responseBytes: 130,
    costUsdMicros: 0n,
    priceRuleId: EMPTY,
    stages: {
      stages: [Stage.AUTHENTICATE],
      outcomes: [StageOutcome.PASSED],
      durationsUs: [3],
      ruleOwners: [RuleOwner.UNSPECIFIED],
    },
    sampled: true,
    attempts: 1,
    budgetId: EMPTY,
    ...fields,
  };
}

/** A call that writes down what the log tells it. */
export class NotedCall implements LoggedCall {
  openSlot = -1;
  readonly intent: IntentFields;
  readonly #heard: string[];
  failure: Failure | undefined;

  /** @param heard where what was heard goes, as "intent 1", "completion 1", "failed 1" */
  constructor(number: number, heard: string[], fields: Partial<IntentFields> = {}) {
    this.intent = intentOf(number, fields);
    this.#heard = heard;
  }

  onIntentWritten(): void {
    this.#heard.push(`intent ${numberOf(this.intent.callId)}`);
  }

  onCompletionWritten(): void {
    this.#heard.push(`completion ${numberOf(this.intent.callId)}`);
  }

  onLogFailed(failure: Failure): void {
    this.failure = failure;
    this.#heard.push(`failed ${numberOf(this.intent.callId)}`);
  }
}
