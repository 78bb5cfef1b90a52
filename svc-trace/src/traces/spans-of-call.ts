import { usdFromMicros } from "@gatewayops/platform/clickhouse/values";
import { reasonByNumber } from "@gatewayops/platform/errors";
import { requestIdOf, uuidFromText } from "@gatewayops/platform/ids";
import { Stage } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { StatusName } from "../calls/call-row.ts";
import { CALL_OPERATION, spannedStage, stageSpanId } from "../calls/stage-spans.ts";
import type { CallRecord, SpanKey, SpanRecord } from "./trace-store.ts";

/**
 * The spans of a call: its own, and where it was sampled one for each stage that ran. The same call always gives the
 * same spans with the same ids. Stages run one after the other, so each begins where the one before ended.
 */
export function spansOfCall(call: CallRecord): SpanRecord[] {
  const spans = [callSpan(call)];
  if (!call.isSampled) return spans;
  const callId = uuidFromText(call.callId) ?? Buffer.alloc(16);
  let startTimeUs = call.startTimeUs;
  for (const { name, outcome, durationUs } of call.stages) {
    const spanned = spannedStage(name, outcome);
    if (spanned)
      spans.push({
        ...(spanned.stage === Stage.UPSTREAM ? upstreamPart(call) : NO_PART),
        traceId: call.traceId,
        spanId: stageSpanId(callId, spanned.stage),
        parentSpanId: call.spanId,
        operation: spanned.operation,
        startTimeUs,
        durationUs,
        status: stageStatus(spanned.stage, outcome, call.status),
        costUsdMicros: 0n,
        attributes: outcome === "passed" ? {} : { "gatewayops.stage.outcome": outcome },
      });
    startTimeUs += durationUs;
  }
  return spans;
}

/** The place of a span in the order in which they are listed: by time, a call before its stages. */
export function spanKeyOf(span: SpanRecord): SpanKey {
  const isStage = span.operation !== CALL_OPERATION;
  return { startTimeUs: span.startTimeUs, isStage, spanId: span.spanId };
}

/** Less than 0 when one stands before the other. */
export function compareSpanKeys(one: SpanKey, other: SpanKey): number {
  if (one.startTimeUs !== other.startTimeUs) return one.startTimeUs < other.startTimeUs ? -1 : 1;
  if (one.isStage !== other.isStage) return one.isStage ? 1 : -1;
  return one.spanId < other.spanId ? -1 : Number(one.spanId > other.spanId);
}

function callSpan(call: CallRecord): SpanRecord {
  return {
    ...upstreamPart(call),
    traceId: call.traceId,
    spanId: call.spanId,
    parentSpanId: call.parentSpanId,
    operation: CALL_OPERATION,
    startTimeUs: call.startTimeUs,
    durationUs: call.durationUs,
    status: call.status,
    costUsdMicros: call.costUsdMicros,
    attributes: attributesOf(call),
  };
}

type UpstreamPart = Pick<
  SpanRecord,
  "serverId" | "serverName" | "toolId" | "toolName" | "requestBytes" | "responseBytes"
>;

/** What of a call is said of its way to the MCP server too. */
function upstreamPart(call: CallRecord): UpstreamPart {
  const { serverId, serverName, toolId, toolName, requestBytes, responseBytes } = call;
  return { serverId, serverName, toolId, toolName, requestBytes, responseBytes };
}

const NO_PART: UpstreamPart = {
  serverId: "",
  serverName: "",
  toolId: "0".repeat(16),
  toolName: "",
  requestBytes: 0n,
  responseBytes: 0n,
};

function stageStatus(stage: Stage, outcome: string, call: StatusName): StatusName {
  if (outcome === "passed" || outcome === "degraded") return "success";
  return stage === Stage.UPSTREAM && call === "timeout" ? "timeout" : "error";
}

/**
 * Attributes of a call's span, named as OpenTelemetry's conventions for MCP do where they have a name, else under
 * `gatewayops.`.
 */
function attributesOf(call: CallRecord): Record<string, string> {
  const isTool = call.method === "tools/call";
  const errorType = errorTypeOf(call);
  const reason = reasonByNumber(call.reason);
  return {
    ...(call.method === "" ? {} : { "mcp.method.name": call.method }),
    ...(isTool ? { "gen_ai.operation.name": "execute_tool" } : {}),
    ...(isTool && call.toolName !== "" ? { "gen_ai.tool.name": call.toolName } : {}),
    ...(errorType === "" ? {} : { "error.type": errorType }),
    ...(call.rpcCode === 0 ? {} : { "rpc.response.status_code": String(call.rpcCode) }),
    ...(call.httpStatus === 0 ? {} : { "http.response.status_code": String(call.httpStatus) }),
    "gatewayops.request.id": requestIdOf(uuidFromText(call.callId) ?? Buffer.alloc(16)),
    "gatewayops.outcome": call.outcome,
    "gatewayops.cost.usd": usdFromMicros(call.costUsdMicros),
    "gatewayops.attempts": String(call.attempts),
    ...(call.face === "" ? {} : { "gatewayops.face": call.face }),
    ...(reason === undefined ? {} : { "gatewayops.reason": reason }),
    ...(call.keyId === "" ? {} : { "gatewayops.key.id": call.keyId }),
  };
}

// "tool_error" and the JSON-RPC code are OpenTelemetry's values. Errors that a client made itself (-32700 and -32600
// to -32602) are no errors of the server's span.
function errorTypeOf({ outcome, rpcCode }: CallRecord): string {
  if (outcome === "ok") return "";
  if (outcome !== "rpc_error") return outcome;
  return CLIENT_MISTAKES.has(rpcCode) ? "" : String(rpcCode);
}

const CLIENT_MISTAKES: ReadonlySet<number> = new Set([-32700, -32600, -32601, -32602]);
