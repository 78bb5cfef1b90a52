import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Status } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

import { usdMicrosFrom } from "../money/usd.ts";
import { spanOf, timeRangeOf, type TimeRangeId } from "../time/time-range.ts";

/** Words for statuses in the address. */
export const STATUS_WORDS = [
  { word: "success", status: Status.SUCCESS, label: "Success" },
  { word: "error", status: Status.ERROR, label: "Error" },
  { word: "timeout", status: Status.TIMEOUT, label: "Timeout" },
  { word: "unknown", status: Status.UNKNOWN, label: "Unknown" },
] as const;

/** The filter of the list of traces. Empty strings and 0 filter nothing. */
export interface TraceFilter {
  readonly range: TimeRangeId;
  readonly status: string;
  readonly server: string;
  readonly tool: string;
  readonly minDurationMs: number;
  /** 0 for no bound. */
  readonly maxDurationMs: number;
  readonly minCostUsdMicros: bigint;
}

/** What the address may say. */
export type TraceQueryParam = "range" | "status" | "server" | "tool" | "min" | "max" | "cost";

/** Reads the filter from the address; what makes no sense filters nothing. */
export function traceFilterFrom(
  query: Readonly<Record<TraceQueryParam, string | undefined>>,
): TraceFilter {
  return {
    range: timeRangeOf(query.range).id,
    status: STATUS_WORDS.find((entry) => entry.word === query.status)?.word ?? "",
    server: query.server ?? "",
    tool: query.tool ?? "",
    minDurationMs: millisecondsOf(query.min),
    maxDurationMs: millisecondsOf(query.max),
    minCostUsdMicros: usdMicrosFrom(query.cost ?? "") ?? 0n,
  };
}

function millisecondsOf(text: string | undefined): number {
  const ms = Number.parseInt(text ?? "", 10);
  return ms > 0 ? Math.min(ms, 0xffff_ffff) : 0;
}

/** True when both filter alike. */
export function isSameFilter(a: TraceFilter, b: TraceFilter): boolean {
  return (Object.keys(a) as (keyof TraceFilter)[]).every((name) => a[name] === b[name]);
}

/** True when the filter does more than choose a time range. */
export function narrows(filter: TraceFilter): boolean {
  return filter.status !== "" || needsSearch(filter);
}

/** True when only SearchTraces can answer: ListTraces filters by time and status. */
export function needsSearch(filter: TraceFilter): boolean {
  return (
    filter.server !== "" ||
    filter.tool !== "" ||
    filter.minDurationMs > 0 ||
    filter.maxDurationMs > 0 ||
    filter.minCostUsdMicros > 0n
  );
}

/** Fields that only SearchTraces has. */
export function searchFields(filter: TraceFilter) {
  return {
    mcpServer: filter.server,
    toolName: filter.tool,
    minDurationMs: filter.minDurationMs,
    minCostUsdMicros: filter.minCostUsdMicros,
    ...(filter.maxDurationMs > 0 ? { maxDurationMs: filter.maxDurationMs } : {}),
  };
}

/** Fields that ListTraces and SearchTraces share, for a filter seen from now. */
export function listingFields(filter: TraceFilter, nowMs: number) {
  const { startMs, endMs } = spanOf(timeRangeOf(filter.range), nowMs);
  return {
    startTime: timestampFromMs(startMs),
    endTime: timestampFromMs(endMs),
    status:
      STATUS_WORDS.find((entry) => entry.word === filter.status)?.status ?? Status.UNSPECIFIED,
  };
}

/** What a pasted id stands for. */
export function idKindOf(text: string): "trace" | "request" | undefined {
  const id = text.trim().toLowerCase();
  if (/^req_[0-9a-f]{32}$/.test(id)) return "request";
  if (/^[0-9a-f]{32}$/.test(id.replaceAll("-", ""))) return "trace";
  return undefined;
}
