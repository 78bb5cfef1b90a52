import { microsFromUsd, textOrEmpty } from "@gatewayops/platform/clickhouse/values";
import { toolIdToText } from "@gatewayops/platform/ids";
import type { StatusName } from "../calls/call-row.ts";
import type { CallRecord, NamedAfter, SpanRecord, Trace } from "./trace-store.ts";

type NamedRow = { server_id: string; mcp_server: string; tool_id: string; tool_name: string };

/** A trace as the store's statements name its columns. 64-bit numbers and money are text. */
export type TraceRow = NamedRow & {
  id: string;
  start_us: string;
  duration_ms: string;
  user_id: string;
  team_id: string;
  status_name: StatusName;
  span_count: number | string;
  call_count: number | string;
  cost_text: string;
  /** The store's clock. Not in answers about one trace. */
  now_ms?: string;
};

export function toTrace(row: TraceRow): Trace {
  return {
    ...namedAfter(row),
    traceId: row.id,
    startTimeUs: BigInt(row.start_us),
    durationMs: BigInt(row.duration_ms),
    status: row.status_name,
    spanCount: Number(row.span_count),
    callCount: Number(row.call_count),
    costUsdMicros: microsFromUsd(row.cost_text),
    teamId: row.team_id,
    userId: row.user_id,
  };
}

/** A span as the store's statements name its columns. */
export type SpanRecordRow = NamedRow & {
  trace: string;
  span: string;
  parent: string;
  operation: string;
  start_us: string;
  duration_us: string;
  status_name: StatusName;
  request_size: number;
  response_size: string;
  cost_text: string;
  attributes: Record<string, string>;
};

export function toSpan(row: SpanRecordRow): SpanRecord {
  return {
    ...namedAfter(row),
    traceId: row.trace,
    spanId: BigInt(row.span),
    parentSpanId: BigInt(row.parent),
    operation: row.operation,
    startTimeUs: BigInt(row.start_us),
    durationUs: BigInt(row.duration_us),
    status: row.status_name,
    requestBytes: BigInt(row.request_size),
    responseBytes: BigInt(row.response_size),
    costUsdMicros: microsFromUsd(row.cost_text),
    attributes: row.attributes,
  };
}

/** A call as the store's statements name its columns. */
export type CallRecordRow = NamedRow & {
  org_id: string;
  id: string;
  trace: string;
  start_us: string;
  duration_us: string;
  method: string;
  status_name: StatusName;
  outcome: string;
  reason: number;
  http_status: number;
  rpc_code: number;
  face: string;
  cost_text: string;
  price_rule_id: string;
  request_size: number;
  response_size: string;
  attempts: number;
  key_id: string;
  team_id: string;
  user_id: string;
  stage_names: string[];
  stage_outcomes: string[];
  stage_durations: number[];
  stage_rule_owners: string[];
};

export function toCall(row: CallRecordRow): CallRecord {
  return {
    ...namedAfter(row),
    orgId: row.org_id,
    callId: row.id,
    traceId: row.trace,
    startTimeUs: BigInt(row.start_us),
    durationUs: BigInt(row.duration_us),
    method: row.method,
    status: row.status_name,
    outcome: row.outcome,
    reason: row.reason,
    httpStatus: row.http_status,
    rpcCode: row.rpc_code,
    face: row.face,
    costUsdMicros: microsFromUsd(row.cost_text),
    priceRuleId: textOrEmpty(row.price_rule_id),
    requestBytes: BigInt(row.request_size),
    responseBytes: BigInt(row.response_size),
    attempts: row.attempts,
    keyId: row.key_id,
    teamId: row.team_id,
    userId: row.user_id,
    stages: row.stage_names.map((name, i) => ({
      name,
      outcome: row.stage_outcomes[i] ?? "",
      durationUs: BigInt(row.stage_durations[i] ?? 0),
      ruleOwner: row.stage_rule_owners[i] ?? "",
    })),
  };
}

function namedAfter(row: NamedRow): NamedAfter {
  return {
    serverId: row.server_id,
    serverName: row.mcp_server,
    toolId: toolIdToText(BigInt(row.tool_id)),
    toolName: row.tool_name,
  };
}
