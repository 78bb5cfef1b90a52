import {
  Face,
  Operation,
  Outcome,
  Stage,
  StageOutcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { dateTimeFromMicros } from "../clickhouse/values.ts";
import { toolIdToText, uuidToText } from "../ids.ts";

/** A call record in the values and names that tables and answers use. */
export type CallFacts = {
  /** Columns that every table of calls begins with. */
  readonly ids: {
    /** UUIDs in text; empty for none. */
    readonly org_id: string;
    readonly team_id: string;
    readonly user_id: string;
    readonly key_id: string;
    readonly server_id: string;
    /** Unsigned 64-bit numbers in decimal digits; "0" for none. */
    readonly tool_id: string;
    readonly span_id: string;
  };
  /** UUIDs in text. */
  readonly callId: string;
  readonly traceId: string;
  /** As `names` knows tools: 16 hexadecimal digits. */
  readonly toolHex: string;
  /** Unsigned 64-bit number in decimal digits; "0" for none. */
  readonly parentSpanId: string;
  readonly startTimeUs: bigint;
  /** The start time as ClickHouse reads it. */
  readonly startTime: string;
  /** "tools/call" …; empty when not said. */
  readonly method: string;
  /** "mcp_legacy", "mcp_modern", "rest"; empty when not said. */
  readonly face: string;
  readonly outcome: OutcomeName;
  /** UUID in text; the nil UUID for none. */
  readonly priceRuleId: string;
};

/** How a call ended, as answers name it. */
export type OutcomeName = (typeof OUTCOMES)[Outcome];

/** A name for every number this program knows. A newer gateway may send others. */
type Names<E extends number> = Readonly<Record<E, string> & Partial<Record<number, string>>>;

const METHODS: Names<Operation> = {
  [Operation.UNSPECIFIED]: "",
  [Operation.TOOLS_CALL]: "tools/call",
  [Operation.RESOURCES_READ]: "resources/read",
  [Operation.PROMPTS_GET]: "prompts/get",
  [Operation.COMPLETION_COMPLETE]: "completion/complete",
};

const FACES: Names<Face> = {
  [Face.UNSPECIFIED]: "",
  [Face.MCP_LEGACY]: "mcp_legacy",
  [Face.MCP_MODERN]: "mcp_modern",
  [Face.REST]: "rest",
};

const OUTCOMES = {
  [Outcome.UNSPECIFIED]: "unknown",
  [Outcome.OK]: "ok",
  [Outcome.TOOL_ERROR]: "tool_error",
  [Outcome.RPC_ERROR]: "rpc_error",
  [Outcome.REFUSED]: "refused",
  [Outcome.UPSTREAM_ERROR]: "upstream_error",
  [Outcome.TIMEOUT]: "timeout",
  [Outcome.CANCELLED]: "cancelled",
  [Outcome.UNKNOWN]: "unknown",
} as const satisfies Record<Outcome, string>;

const STAGES: Names<Stage> = {
  [Stage.UNSPECIFIED]: "",
  [Stage.AUTHENTICATE]: "authenticate",
  [Stage.ROUTE]: "route",
  [Stage.AUTHORIZE]: "authorize",
  [Stage.RATE_LIMIT]: "rate_limit",
  [Stage.BUDGET]: "budget",
  [Stage.UPSTREAM]: "upstream",
  [Stage.PRICE]: "price",
};

const STAGE_OUTCOMES: Names<StageOutcome> = {
  [StageOutcome.UNSPECIFIED]: "",
  [StageOutcome.PASSED]: "passed",
  [StageOutcome.REFUSED]: "refused",
  [StageOutcome.NOT_CONFIGURED]: "not_configured",
  [StageOutcome.DEGRADED]: "degraded",
  [StageOutcome.FAILED]: "failed",
};

const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** The facts of a record that the consumer let pass, see recordProblem. */
export function factsOf(record: CallCompletion): CallFacts {
  const { intent } = record;
  if (intent === undefined) throw new Error("A record without intent was not sorted out.");
  const { startTimeUs } = intent;
  return {
    ids: {
      org_id: uuidToText(intent.orgId),
      team_id: uuidOrEmpty(intent.teamId),
      user_id: uuidOrEmpty(intent.userId),
      key_id: uuidOrEmpty(intent.keyId),
      server_id: uuidOrEmpty(intent.serverId),
      tool_id: String(intent.toolId),
      span_id: spanIdOf(intent.spanId),
    },
    callId: uuidToText(intent.callId),
    traceId: uuidToText(intent.traceId),
    toolHex: toolIdToText(intent.toolId),
    parentSpanId: spanIdOf(intent.parentSpanId),
    startTimeUs,
    startTime: dateTimeFromMicros(startTimeUs),
    method: METHODS[intent.operation as number] ?? `operation_${intent.operation}`,
    face: FACES[intent.face as number] ?? `face_${intent.face}`,
    outcome: outcomeName(record.outcome),
    priceRuleId: record.priceRuleId.length === 16 ? uuidToText(record.priceRuleId) : NIL_UUID,
  };
}

function outcomeName(outcome: number): OutcomeName {
  return (OUTCOMES as Partial<Record<number, OutcomeName>>)[outcome] ?? "unknown";
}

/** The name of a stage in records and answers. */
export function stageName(stage: number): string {
  return STAGES[stage] ?? `stage_${stage}`;
}

/** The name of a stage's outcome in records and answers. */
export function stageOutcomeName(outcome: number): string {
  return STAGE_OUTCOMES[outcome] ?? `outcome_${outcome}`;
}

/**
 * Weight of a record: of two records of one call the heavier is right. A gateway that died leaves an intent, which
 * becomes a record with outcome unknown; should the completion be found after all, it replaces that one.
 */
export function weightOf(facts: CallFacts): 1 | 2 {
  return facts.outcome === "unknown" ? 1 : 2;
}

function uuidOrEmpty(id: Uint8Array): string {
  return id.length === 16 ? uuidToText(id) : "";
}

function spanIdOf(id: Uint8Array): string {
  if (id.length !== 8) return "0";
  return String(new DataView(id.buffer, id.byteOffset, 8).getBigUint64(0));
}
