import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { usdFromMicros } from "@gatewayops/platform/clickhouse/values";
import {
  stageName,
  stageOutcomeName,
  weightOf,
  type CallFacts,
  type OutcomeName,
} from "@gatewayops/platform/streams/consumer-records";

/** How a trace, a span or a call ended, as tables hold it. */
export type StatusName = "success" | "error" | "timeout" | "unknown";

/** Gives the name an id has now, undefined when it is not known at once. */
export type KnownNames = (
  orgId: string,
  ref: { readonly kind: "server" | "tool"; readonly id: string },
) => string | undefined;

/** Names stored with a call; empty for none and for what is not known yet. */
export type StoredNames = { readonly mcp_server: string; readonly tool_name: string };

/** A row of `calls`, as JSON for ClickHouse. 64-bit numbers and money are text, so that no float is involved. */
export type CallRow = ReturnType<typeof toCallRow>;

/** The row of a call. The same record always gives the same key: organisation, start time and call id. */
export function toCallRow(record: CallCompletion, facts: CallFacts, names: StoredNames) {
  return {
    ...facts.ids,
    ...names,
    start_time: facts.startTime,
    call_id: facts.callId,
    trace_id: facts.traceId,
    parent_span_id: facts.parentSpanId,
    method: facts.method,
    face: facts.face,
    status: statusOf(facts.outcome),
    outcome: facts.outcome,
    reason: record.reason,
    http_status: record.httpStatus,
    rpc_code: record.rpcCode,
    duration_us: String(record.durationUs),
    request_size: record.intent?.requestBytes ?? 0,
    response_size: String(record.responseBytes),
    attempts: record.attempts,
    cost: usdFromMicros(record.costUsdMicros),
    reserved: usdFromMicros(record.intent?.reservedUsdMicros ?? 0n),
    price_rule_id: facts.priceRuleId,
    input_tokens: record.inputTokens,
    output_tokens: record.outputTokens,
    sampled: record.sampled,
    "stages.name": record.stages.map(({ stage }) => stageName(stage)),
    "stages.outcome": record.stages.map(({ outcome }) => stageOutcomeName(outcome)),
    "stages.duration_us": record.stages.map(({ durationUs }) => durationUs),
    weight: weightOf(facts),
  };
}

/** The names to store with a call. */
export function storedNames(facts: CallFacts, names: KnownNames): StoredNames {
  const { org_id: orgId, server_id: serverId, tool_id: toolId } = facts.ids;
  return {
    mcp_server: serverId === "" ? "" : (names(orgId, { kind: "server", id: serverId }) ?? ""),
    tool_name: toolId === "0" ? "" : (names(orgId, { kind: "tool", id: facts.toolHex }) ?? ""),
  };
}

/** The status an outcome counts as. */
export function statusOf(outcome: OutcomeName): StatusName {
  if (outcome === "ok") return "success";
  return outcome === "timeout" || outcome === "unknown" ? outcome : "error";
}
