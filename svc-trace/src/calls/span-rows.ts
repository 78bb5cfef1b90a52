import { hash } from "node:crypto";
import { dateTimeFromMicros, usdFromMicros } from "@gatewayops/platform/clickhouse/values";
import { reasonByNumber } from "@gatewayops/platform/errors";
import { requestIdOf } from "@gatewayops/platform/ids";
import {
  stageOutcomeName,
  weightOf,
  type CallFacts,
} from "@gatewayops/platform/streams/consumer-records";
import {
  Operation,
  Stage,
  StageOutcome,
  type CallCompletion,
  type StageReport,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { statusOf, type StatusName, type StoredNames } from "./call-row.ts";

/** Operation of the span of a whole call. */
export const CALL_OPERATION = "gateway.request";

/** Operations of the spans of stages; the specification names those of authentication, limits and the upstream. */
const STAGE_OPERATIONS: Partial<Record<Stage, string>> = {
  [Stage.AUTHENTICATE]: "gateway.auth",
  [Stage.ROUTE]: "gateway.route",
  [Stage.AUTHORIZE]: "gateway.authorize",
  [Stage.RATE_LIMIT]: "gateway.rate_limit",
  [Stage.BUDGET]: "gateway.budget",
  [Stage.UPSTREAM]: "gateway.mcp_proxy",
  [Stage.PRICE]: "gateway.price",
};

/** A row of `spans`, as JSON for ClickHouse. */
export type SpanRow = CallSpanRow | StageSpanRow;

type CallSpanRow = ReturnType<typeof toCallSpan>;

/**
 * A row of a stage's span. There are several for each call, and reading JSON is most of what storing them costs: what
 * is empty or only said of the call is left out.
 */
type StageSpanRow = Pick<
  CallSpanRow,
  | "org_id"
  | "trace_id"
  | "start_time"
  | "span_id"
  | "parent_span_id"
  | "call_id"
  | "operation"
  | "duration_us"
  | "status"
  | "weight"
> &
  Partial<CallSpanRow>;

/**
 * The spans of a call: its own, and where it was sampled one for each stage that ran. The same record always gives
 * the same spans with the same ids. Stages run one after the other, so each begins where the one before ended.
 */
export function toSpanRows(
  record: CallCompletion,
  facts: CallFacts,
  names: StoredNames,
): SpanRow[] {
  const call = toCallSpan(record, facts, names);
  if (!record.sampled) return [call];
  const rows: SpanRow[] = [call];
  let startUs = facts.startTimeUs;
  for (const report of record.stages) {
    const operation = STAGE_OPERATIONS[report.stage];
    if (operation !== undefined && ran(report))
      rows.push(toStageSpan({ call, facts, record, report, operation, startUs }));
    startUs += BigInt(report.durationUs);
  }
  return rows;
}

/**
 * Id of a stage's span, in decimal digits: the first 8 bytes of SHA-256(call id in 16 bytes || number of the stage in
 * one byte), big-endian. Never 0.
 */
export function stageSpanId(callId: Uint8Array, stage: Stage): string {
  const id = hash("sha256", Buffer.concat([callId, Uint8Array.of(stage)]), "buffer");
  const number = id.readBigUInt64BE(0);
  return String(number === 0n ? 1n : number);
}

function toCallSpan(record: CallCompletion, facts: CallFacts, names: StoredNames) {
  const { org_id, team_id, user_id, server_id, tool_id, span_id } = facts.ids;
  return {
    org_id,
    trace_id: facts.traceId,
    start_time: facts.startTime,
    span_id,
    parent_span_id: facts.parentSpanId,
    call_id: facts.callId,
    operation: CALL_OPERATION,
    team_id,
    user_id,
    server_id,
    tool_id,
    ...names,
    duration_us: String(record.durationUs),
    status: statusOf(facts.outcome),
    request_size: record.intent?.requestBytes ?? 0,
    response_size: String(record.responseBytes),
    cost: usdFromMicros(record.costUsdMicros),
    error_message: facts.outcome === "ok" ? "" : (reasonByNumber(record.reason) ?? ""),
    attributes: attributesOf(record, facts, names),
    weight: weightOf(facts),
  };
}

type StageSpan = {
  readonly call: CallSpanRow;
  readonly facts: CallFacts;
  readonly record: CallCompletion;
  readonly report: StageReport;
  readonly operation: string;
  readonly startUs: bigint;
};

function toStageSpan({ call, facts, record, report, operation, startUs }: StageSpan): StageSpanRow {
  const status = stageStatus(report, call.status);
  return {
    org_id: call.org_id,
    trace_id: call.trace_id,
    start_time: dateTimeFromMicros(startUs),
    span_id: stageSpanId(record.intent?.callId ?? new Uint8Array(), report.stage),
    parent_span_id: facts.ids.span_id,
    call_id: call.call_id,
    operation,
    duration_us: String(report.durationUs),
    status,
    weight: call.weight,
    ...(report.stage === Stage.UPSTREAM ? upstreamPart(call) : {}),
    ...(status === "success" ? {} : { error_message: call.error_message }),
    ...(report.outcome === StageOutcome.PASSED
      ? {}
      : { attributes: { "gatewayops.stage.outcome": stageOutcomeName(report.outcome) } }),
  };
}

/** What of a call is said of its way to the MCP server too. */
function upstreamPart(call: CallSpanRow): Partial<CallSpanRow> {
  const { server_id, mcp_server, tool_id, tool_name, request_size, response_size } = call;
  return { server_id, mcp_server, tool_id, tool_name, request_size, response_size };
}

/** True when the stage did something: one that nothing is configured for only takes its time. */
function ran({ outcome }: StageReport): boolean {
  return outcome !== StageOutcome.UNSPECIFIED && outcome !== StageOutcome.NOT_CONFIGURED;
}

function stageStatus({ outcome, stage }: StageReport, call: StatusName): StatusName {
  if (outcome === StageOutcome.PASSED || outcome === StageOutcome.DEGRADED) return "success";
  return stage === Stage.UPSTREAM && call === "timeout" ? "timeout" : "error";
}

/**
 * Attributes of a call's span, named as OpenTelemetry's conventions for MCP do where they have a name, else under
 * `gatewayops.`.
 */
function attributesOf(
  record: CallCompletion,
  facts: CallFacts,
  names: StoredNames,
): Record<string, string> {
  const isTool = record.intent?.operation === Operation.TOOLS_CALL;
  const errorType = errorTypeOf(record, facts);
  const reason = reasonByNumber(record.reason);
  const callId = record.intent?.callId ?? new Uint8Array();
  return {
    ...(facts.method === "" ? {} : { "mcp.method.name": facts.method }),
    ...(isTool ? { "gen_ai.operation.name": "execute_tool" } : {}),
    ...(isTool && names.tool_name !== "" ? { "gen_ai.tool.name": names.tool_name } : {}),
    ...(errorType === "" ? {} : { "error.type": errorType }),
    ...(record.rpcCode === 0 ? {} : { "rpc.response.status_code": String(record.rpcCode) }),
    ...(record.httpStatus === 0 ? {} : { "http.response.status_code": String(record.httpStatus) }),
    "gatewayops.request.id": requestIdOf(callId),
    "gatewayops.outcome": facts.outcome,
    "gatewayops.cost.usd": usdFromMicros(record.costUsdMicros),
    "gatewayops.attempts": String(record.attempts),
    ...(facts.face === "" ? {} : { "gatewayops.face": facts.face }),
    ...(reason === undefined ? {} : { "gatewayops.reason": reason }),
    ...(facts.ids.key_id === "" ? {} : { "gatewayops.key.id": facts.ids.key_id }),
  };
}

// "tool_error" and the JSON-RPC code are OpenTelemetry's values. Errors that a client made itself (-32700 and -32600
// to -32602) are no errors of the server's span.
function errorTypeOf(record: CallCompletion, facts: CallFacts): string {
  if (facts.outcome === "ok") return "";
  if (facts.outcome === "tool_error") return "tool_error";
  if (facts.outcome !== "rpc_error") return facts.outcome;
  return CLIENT_MISTAKES.has(record.rpcCode) ? "" : String(record.rpcCode);
}

const CLIENT_MISTAKES: ReadonlySet<number> = new Set([-32700, -32600, -32601, -32602]);
