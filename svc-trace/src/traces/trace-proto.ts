import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { reasonByNumber } from "@gatewayops/platform/errors";
import { requestIdOf, uuidFromText } from "@gatewayops/platform/ids";
import { NO_TOOL, shownTool, type NameRef, type Names } from "@gatewayops/platform/names";
import { Status } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import type { StatusName } from "../calls/call-row.ts";
import type { CallRecord, NamedAfter, SpanRecord, Trace } from "./trace-store.ts";

const STATUSES: Record<StatusName, Status> = {
  success: Status.SUCCESS,
  error: Status.ERROR,
  timeout: Status.TIMEOUT,
  unknown: Status.UNKNOWN,
};

const STATUS_NAMES = new Map<Status, StatusName>(
  (Object.keys(STATUSES) as StatusName[]).map((name) => [STATUSES[name], name]),
);

/** The status a request asks for; undefined for any. */
export function statusFrom(status: Status): StatusName | undefined {
  return STATUS_NAMES.get(status);
}

/** The ids whose names are not stored with the thing. */
export function namelessRefs({ serverId, serverName, toolId, toolName }: NamedAfter): NameRef[] {
  const refs: NameRef[] = [];
  if (serverName === "" && serverId !== "") refs.push({ kind: "server", id: serverId });
  if (toolName === "" && toolId !== NO_TOOL) refs.push({ kind: "tool", id: toolId });
  return refs;
}

/** The API key of a call. */
export function keyRefs({ keyId }: CallRecord): NameRef[] {
  return keyId === "" ? [] : [{ kind: "key", id: keyId }];
}

export function toTraceProto(trace: Trace, names: Names) {
  return {
    ...shownNames(trace, names),
    id: traceIdText(trace.traceId),
    startTime: timestampOf(trace.startTimeUs),
    durationMs: trace.durationMs,
    status: STATUSES[trace.status],
    spanCount: trace.spanCount,
    callCount: trace.callCount,
    totalCostUsdMicros: trace.costUsdMicros,
    teamId: trace.teamId,
    userId: trace.userId,
  };
}

export function toSpanProto(span: SpanRecord, names: Names) {
  return {
    ...shownNames(span, names),
    traceId: traceIdText(span.traceId),
    spanId: spanIdText(span.spanId),
    parentSpanId: span.parentSpanId === 0n ? "" : spanIdText(span.parentSpanId),
    operation: span.operation,
    startTime: timestampOf(span.startTimeUs),
    durationUs: span.durationUs,
    status: STATUSES[span.status],
    requestSize: span.requestBytes,
    responseSize: span.responseBytes,
    costUsdMicros: span.costUsdMicros,
    attributes: { ...span.attributes },
  };
}

export function toCallProto(call: CallRecord, names: Names) {
  return {
    ...shownNames(call, names),
    requestId: requestIdOf(uuidFromText(call.callId) ?? Buffer.alloc(16)),
    traceId: traceIdText(call.traceId),
    startTime: timestampOf(call.startTimeUs),
    durationUs: call.durationUs,
    method: call.method,
    status: STATUSES[call.status],
    outcome: call.outcome,
    reason: reasonText(call.reason),
    httpStatus: call.httpStatus,
    rpcCode: call.rpcCode,
    face: call.face,
    costUsdMicros: call.costUsdMicros,
    priceRuleId: call.priceRuleId,
    requestSize: call.requestBytes,
    responseSize: call.responseBytes,
    attempts: call.attempts,
    apiKeyId: call.keyId,
    apiKeyName: names.of("key", call.keyId) ?? "",
    teamId: call.teamId,
    userId: call.userId,
    stages: call.stages.map((stage) => toStageProto(stage, call)),
  };
}

/** What a stage did, and what it went by: the price's rule, or the owner of the limit, are in the record. */
function toStageProto(
  { name, outcome, durationUs, ruleOwner }: CallRecord["stages"][number],
  call: CallRecord,
) {
  const isPriced = name === "price" && call.priceRuleId !== "";
  const ids: Readonly<Record<string, string>> = {
    key: call.keyId,
    team: call.teamId,
    org: call.orgId,
  };
  return {
    stage: name,
    outcome,
    durationUs,
    rule: isPriced ? "price_rule" : ruleOwner,
    ruleId: isPriced ? call.priceRuleId : (ids[ruleOwner] ?? ""),
    reason: outcome === "refused" || outcome === "failed" ? reasonText(call.reason) : "",
  };
}

/** Name of a reason; empty for none. A newer gateway may know more of them. */
function reasonText(reason: number): string {
  return reason === 0 ? "" : (reasonByNumber(reason) ?? `REASON_${reason}`);
}

/** Microseconds since 1970-01-01 UTC of a timestamp; parts of a microsecond are cut off. */
export function microsOf({ seconds, nanos }: Pick<Timestamp, "seconds" | "nanos">): bigint {
  return seconds * 1_000_000n + BigInt(Math.floor(nanos / 1000));
}

function shownNames(after: NamedAfter, names: Names): { mcpServer: string; toolName: string } {
  return {
    mcpServer: after.serverName || (names.of("server", after.serverId) ?? ""),
    toolName: after.toolName || shownTool(names, after.toolId),
  };
}

function timestampOf(us: bigint): { seconds: bigint; nanos: number } {
  return { seconds: us / 1_000_000n, nanos: Number(us % 1_000_000n) * 1000 };
}

function traceIdText(uuid: string): string {
  return uuid.replaceAll("-", "");
}

/** A span id as 16 hexadecimal digits. */
export function spanIdText(id: bigint): string {
  return id.toString(16).padStart(16, "0");
}
