import { createHash } from "node:crypto";
import {
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Attributes,
  type HrTime,
} from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { usdFromMicros } from "@gatewayops/platform/clickhouse/values";
import { reasonByNumber } from "@gatewayops/platform/errors";
import { hexOf, requestIdOf, toolIdToText, uuidToText } from "@gatewayops/platform/ids";
import type { Names } from "@gatewayops/platform/names";
import { shownTool } from "@gatewayops/platform/names";
import {
  factsOf,
  ruleOwnerName,
  stageName,
  stageOutcomeName,
  type CallFacts,
} from "@gatewayops/platform/streams/consumer-records";
import {
  Stage,
  type CallCompletion,
  type StageReport,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { statusOf } from "../calls/call-row.ts";

/** Who is said to have made the spans. */
export type SpanOrigin = Pick<ReadableSpan, "resource" | "instrumentationScope">;

/** A record with what belongs to all its spans. */
type Told = {
  readonly record: CallCompletion;
  readonly facts: CallFacts;
  readonly toolName: string;
  readonly origin: SpanOrigin;
};

/**
 * The spans of a call: its own and, where it was sampled, one for each stage that did something. The same spans, with the
 * same ids, as those that the view `spans` makes of the call's row; a test holds both together. Attributes are named
 * as OpenTelemetry's conventions for MCP do (open-telemetry/semantic-conventions-genai, docs/gen-ai/mcp.md), else under
 * `gatewayops.`.
 */
export function spansOfCall(
  record: CallCompletion,
  names: Names,
  origin: SpanOrigin,
): ReadableSpan[] {
  const facts = factsOf(record);
  const toolName = shownTool(names, toolIdToText(facts.intent.toolId));
  const told = { record, facts, toolName, origin };
  const spans = [callSpan(told, names)];
  if (!record.sampled) return spans;
  let offsetUs = 0n;
  for (const report of record.stages) {
    const startUs = facts.intent.startTimeUs + offsetUs;
    offsetUs += BigInt(report.durationUs);
    const outcome = stageOutcomeName(report.outcome);
    if (outcome !== "" && outcome !== "not_configured")
      spans.push(stageSpan(told, { report, startUs, outcome }));
  }
  return spans;
}

/** JSON-RPC errors that a client made itself are none of the server's span. */
const CLIENT_ERRORS: ReadonlySet<number> = new Set([-32700, -32600, -32601, -32602]);

function callSpan(told: Told, names: Names): ReadableSpan {
  const { record, facts } = told;
  const { intent } = facts;
  const isClients = facts.outcome === "rpc_error" && CLIENT_ERRORS.has(record.rpcCode);
  return spanOf(told, {
    name: "gateway.request",
    kind: SpanKind.SERVER,
    spanId: hexOf(intent.spanId),
    parentSpanId: hexOf(intent.parentSpanId),
    startUs: intent.startTimeUs,
    durationUs: record.durationUs,
    attributes: {
      ...methodAttributes(told),
      "error.type": isClients ? "" : errorType(told),
      "network.transport": "tcp",
      "network.protocol.name": "http",
      "http.response.status_code": record.httpStatus,
      "gatewayops.request.id": requestIdOf(intent.callId),
      "gatewayops.outcome": facts.outcome,
      "gatewayops.cost.usd": usdFromMicros(record.costUsdMicros),
      "gatewayops.price_rule.id":
        record.priceRuleId.length === 16 ? uuidToText(record.priceRuleId) : "",
      "gatewayops.attempts": String(record.attempts),
      "gatewayops.face": facts.face,
      "gatewayops.reason": reasonByNumber(record.reason) ?? "",
      "gatewayops.key.id": facts.keyId,
      // Columns of their own where the view is asked.
      "gatewayops.organization.id": facts.orgId,
      "gatewayops.team.id": facts.teamId,
      "gatewayops.user.id": facts.userId,
      "gatewayops.server.id": facts.serverId,
      "gatewayops.server.name": names.of("server", facts.serverId) ?? "",
    },
  });
}

type RanStage = {
  readonly report: StageReport;
  readonly startUs: bigint;
  readonly outcome: string;
};

const SUCCEEDED: ReadonlySet<string> = new Set(["passed", "degraded", "observed"]);

function stageSpan(told: Told, { report, startUs, outcome }: RanStage): ReadableSpan {
  const { record, facts } = told;
  const { intent } = facts;
  const isUpstream = report.stage === Stage.UPSTREAM;
  const hasFailed = !SUCCEEDED.has(outcome);
  const reason = reasonByNumber(record.reason) ?? "";
  return spanOf(told, {
    name: stageSpanName(report.stage),
    kind: isUpstream ? SpanKind.CLIENT : SpanKind.INTERNAL,
    spanId: stageSpanId(intent.callId, report.stage),
    parentSpanId: hexOf(intent.spanId),
    startUs,
    durationUs: BigInt(report.durationUs),
    attributes: {
      ...(isUpstream
        ? { ...methodAttributes(told), "gatewayops.attempts": String(record.attempts) }
        : { "gatewayops.rule": ruleOwnerName(report.ruleOwner) }),
      "error.type": !hasFailed ? "" : isUpstream ? errorType(told) : facts.outcome,
      "gatewayops.reason": hasFailed ? reason : "",
      "gatewayops.stage.outcome": outcome === "passed" ? "" : outcome,
    },
  });
}

/** Names of the specification that are not those of the stages. */
const SPAN_NAMES: ReadonlyMap<number, string> = new Map([
  [Stage.AUTHENTICATE, "gateway.auth"],
  [Stage.UPSTREAM, "gateway.mcp_proxy"],
]);

function stageSpanName(stage: number): string {
  return SPAN_NAMES.get(stage) ?? `gateway.${stageName(stage)}`;
}

/** The first 8 bytes of SHA-256(call id || number of the stage in one byte), and never 0. */
function stageSpanId(callId: Uint8Array, stage: number): string {
  const id = createHash("sha256").update(callId).update(Uint8Array.of(stage)).digest();
  const text = id.toString("hex", 0, 8);
  return text === "0".repeat(16) ? "1".padStart(16, "0") : text;
}

function methodAttributes({ record, facts, toolName }: Told): Attributes {
  const isTool = facts.method === "tools/call";
  return {
    "mcp.method.name": facts.method,
    "gen_ai.operation.name": isTool ? "execute_tool" : "",
    "gen_ai.tool.name": isTool ? toolName : "",
    "rpc.response.status_code": record.rpcCode === 0 ? "" : String(record.rpcCode),
  };
}

function errorType({ record, facts }: Told): string {
  if (facts.outcome === "ok") return "";
  return facts.outcome === "rpc_error" ? String(record.rpcCode) : facts.outcome;
}

type SpanSpec = Pick<ReadableSpan, "name" | "kind"> & {
  readonly spanId: string;
  /** Empty: none. */
  readonly parentSpanId: string;
  readonly startUs: bigint;
  readonly durationUs: bigint;
  /** Those that are empty, or 0, are left out. */
  readonly attributes: Attributes;
};

function spanOf({ record, facts, origin }: Told, spec: SpanSpec): ReadableSpan {
  const traceId = hexOf(facts.intent.traceId);
  const context = (spanId: string) => ({ traceId, spanId, traceFlags: TraceFlags.SAMPLED });
  const attributes = Object.fromEntries(
    Object.entries(spec.attributes).filter(([, value]) => value !== "" && value !== 0),
  );
  const isError = attributes["error.type"] !== undefined;
  return {
    ...origin,
    name: spec.name,
    kind: spec.kind,
    spanContext: () => context(spec.spanId),
    ...(spec.parentSpanId === "" ? {} : { parentSpanContext: context(spec.parentSpanId) }),
    startTime: hrTime(spec.startUs),
    endTime: hrTime(spec.startUs + spec.durationUs),
    duration: hrTime(spec.durationUs),
    ended: true,
    status: isError
      ? {
          code: SpanStatusCode.ERROR,
          message: reasonByNumber(record.reason) ?? statusOf(facts.outcome),
        }
      : { code: SpanStatusCode.UNSET },
    attributes,
    links: [],
    events: [],
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function hrTime(us: bigint): HrTime {
  return [Number(us / 1_000_000n), Number(us % 1_000_000n) * 1_000];
}
