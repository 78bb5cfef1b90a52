import { Failure, REASONS, isReason } from "@gatewayops/platform/errors";
import { uuidFromText, uuidToText } from "@gatewayops/platform/ids";
import type { SearchTracesRequest } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import type { CallFilter, NameFilter } from "./call-filter.ts";
import { statusFrom } from "./trace-proto.ts";

/** The conditions on a call that several requests take alike. */
export type FilterFields = Pick<
  SearchTracesRequest,
  | "status"
  | "outcome"
  | "reason"
  | "face"
  | "method"
  | "mcpServer"
  | "toolName"
  | "userId"
  | "teamId"
  | "apiKeyId"
  | "minDurationMs"
  | "maxDurationMs"
  | "minCostUsdMicros"
  | "maxCostUsdMicros"
  | "requestId"
  | "traceId"
>;

/** The names that are asked for. */
export type AskedNames = Pick<CallFilter, "server" | "tool">;

/** Names alone, of things that may have been stored without them. */
export function namesAlone({ mcpServer, toolName }: FilterFields): AskedNames {
  const nameOnly = (name: string): NameFilter | undefined =>
    name === "" ? undefined : { name, ids: [] };
  return { server: nameOnly(mcpServer), tool: nameOnly(toolName) };
}

/**
 * The conditions that a request sets.
 *
 * @throws Failure REQUEST_INVALID for a reason that does not exist
 */
export function callFilterFrom(fields: FilterFields, names: AskedNames): CallFilter {
  return {
    ...names,
    status: statusFrom(fields.status),
    outcome: fields.outcome,
    reason: reasonNumber(fields.reason),
    face: fields.face,
    method: fields.method,
    userId: fields.userId,
    teamId: fields.teamId,
    keyId: fields.apiKeyId,
    minDurationUs: BigInt(fields.minDurationMs) * 1000n,
    maxDurationUs:
      fields.maxDurationMs === undefined ? undefined : BigInt(fields.maxDurationMs) * 1000n,
    minCostUsdMicros: bounded(fields.minCostUsdMicros),
    maxCostUsdMicros:
      fields.maxCostUsdMicros === undefined ? undefined : bounded(fields.maxCostUsdMicros),
    callId: fields.requestId === "" ? "" : idText("request_id", fields.requestId),
    traceId: fields.traceId === "" ? "" : idText("trace_id", fields.traceId),
  };
}

/**
 * An id in text as a UUID.
 *
 * @throws Failure REQUEST_INVALID
 */
export function idText(field: "request_id" | "trace_id", text: string): string {
  const id = uuidFromText(text.replace(/^req_/, ""));
  if (id === undefined)
    throw invalid(field, "must be 32 hexadecimal digits, or the same as a UUID");
  return uuidToText(id);
}

/** The refusal of one field. */
export function invalid(field: string, message: string): Failure {
  return new Failure("REQUEST_INVALID", `${field} ${message}.`, { details: [{ field, message }] });
}

/** More than any call costs, and what a Decimal64(6) can hold. */
const COST_MAX = 10n ** 18n - 1n;

function bounded(micros: bigint): bigint {
  if (micros < 0n) return 0n;
  return micros < COST_MAX ? micros : COST_MAX;
}

function reasonNumber(reason: string): number {
  if (reason === "") return 0;
  if (isReason(reason)) return REASONS[reason].number;
  throw invalid(
    "reason",
    "must be the name of a reason in docs/errors.md, for example RATE_LIMITED",
  );
}
