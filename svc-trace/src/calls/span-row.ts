import { reasonByNumber } from "@gatewayops/platform/errors";
import type { CallRow } from "./call-row.ts";
import { CALL_OPERATION, spannedStage } from "./stage-spans.ts";

/** A row of `spans`, as JSON for ClickHouse. */
export type SpanRow = ReturnType<typeof toSpanRow>;

/**
 * The span of a call. Those of its stages are no rows: they are read from the call's own row, which holds all that is
 * said of them, and only their number is kept here.
 */
export function toSpanRow(call: CallRow) {
  return {
    org_id: call.org_id,
    trace_id: call.trace_id,
    start_time: call.start_time,
    span_id: call.span_id,
    parent_span_id: call.parent_span_id,
    call_id: call.call_id,
    operation: CALL_OPERATION,
    team_id: call.team_id,
    user_id: call.user_id,
    server_id: call.server_id,
    tool_id: call.tool_id,
    mcp_server: call.mcp_server,
    tool_name: call.tool_name,
    duration_us: call.duration_us,
    status: call.status,
    request_size: call.request_size,
    response_size: call.response_size,
    cost: call.cost,
    error_message: call.outcome === "ok" ? "" : (reasonByNumber(call.reason) ?? ""),
    stage_spans: call.sampled ? spannedStages(call) : 0,
    weight: call.weight,
  };
}

function spannedStages(call: CallRow): number {
  let count = 0;
  call["stages.name"].forEach((name, index) => {
    if (spannedStage(name, call["stages.outcome"][index] ?? "")) count++;
  });
  return count;
}
