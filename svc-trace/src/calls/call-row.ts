import {
  bool,
  dateTime,
  integer,
  integers,
  text,
  uint64Bytes,
  usd,
  uuid,
  words,
  type ColumnText,
  type RowOf,
} from "@gatewayops/platform/clickhouse/tab-separated";
import { reasonByNumber } from "@gatewayops/platform/errors";
import {
  ruleOwnerName,
  stageName,
  stageOutcomeName,
  storedNames,
  type CallFacts,
  type KnownNames,
  type OutcomeName,
} from "@gatewayops/platform/streams/consumer-records";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";

/** How a trace, a span or a call ended, as tables hold it. */
export type StatusName = "success" | "error" | "timeout" | "unknown";

/** The columns of `calls`. */
export const CALL_COLUMNS = {
  org_id: text,
  start_time: dateTime,
  call_id: uuid,
  trace_id: uuid,
  span_id: uint64Bytes,
  parent_span_id: uint64Bytes,
  team_id: text,
  user_id: text,
  key_id: text,
  server_id: text,
  mcp_server: text,
  tool_id: integer,
  tool_name: text,
  method: text,
  face: text,
  status: text as ColumnText<StatusName>,
  outcome: text,
  reason: integer,
  reason_name: text,
  http_status: integer,
  rpc_code: integer,
  duration_us: integer,
  request_size: integer,
  response_size: integer,
  attempts: integer,
  cost: usd,
  reserved: usd,
  price_rule_id: uuid,
  input_tokens: integer,
  output_tokens: integer,
  sampled: bool,
  "stages.name": words,
  "stages.outcome": words,
  "stages.duration_us": integers,
  "stages.rule_owner": words,
  weight: integer,
  retention_days: integer,
};

/** A row of `calls`. */
export type CallRow = RowOf<typeof CALL_COLUMNS>;

/**
 * The row of a call. The same record always gives the same key: organisation, start time and call id.
 *
 * @param retentionDays days for which the call is kept, from its beginning
 */
export function toCallRow(
  record: CallCompletion,
  facts: CallFacts,
  names: KnownNames,
  retentionDays: number,
): CallRow {
  const { intent } = facts;
  const { mcp_server, tool_name } = storedNames(facts, names);
  return {
    org_id: facts.orgId,
    start_time: intent.startTimeUs,
    call_id: intent.callId,
    trace_id: intent.traceId,
    span_id: intent.spanId,
    parent_span_id: intent.parentSpanId,
    team_id: facts.teamId,
    user_id: facts.userId,
    key_id: facts.keyId,
    server_id: facts.serverId,
    mcp_server,
    tool_id: intent.toolId,
    tool_name,
    method: facts.method,
    face: facts.face,
    status: statusOf(facts.outcome),
    outcome: facts.outcome,
    reason: record.reason,
    reason_name: reasonByNumber(record.reason) ?? "",
    http_status: record.httpStatus,
    rpc_code: record.rpcCode,
    duration_us: record.durationUs,
    request_size: intent.requestBytes,
    response_size: record.responseBytes,
    attempts: record.attempts,
    cost: record.costUsdMicros,
    reserved: intent.reservedUsdMicros,
    price_rule_id: record.priceRuleId,
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    sampled: record.sampled,
    "stages.name": record.stages.map(({ stage }) => stageName(stage)),
    "stages.outcome": record.stages.map(({ outcome }) => stageOutcomeName(outcome)),
    "stages.duration_us": record.stages.map(({ durationUs }) => durationUs),
    "stages.rule_owner": record.stages.map(({ ruleOwner }) => ruleOwnerName(ruleOwner)),
    weight: facts.weight,
    retention_days: retentionDays,
  };
}

/** The status an outcome counts as. */
export function statusOf(outcome: OutcomeName): StatusName {
  if (outcome === "ok") return "success";
  return outcome === "timeout" || outcome === "unknown" ? outcome : "error";
}
