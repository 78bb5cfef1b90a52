import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { cursorOf, keyOf } from "@gatewayops/platform/clickhouse/values";
import { Failure } from "@gatewayops/platform/errors";
import type { NameKind, NameResolver } from "@gatewayops/platform/names";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import type { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import type { TailHub } from "../tail/tail-hub.ts";
import { tailMessages } from "../tail/tail-messages.ts";
import { matches, type CallFilter, type NameFilter } from "./call-filter.ts";
import {
  callFilterFrom,
  idText,
  invalid,
  namesAlone,
  type FilterFields,
} from "./filter-request.ts";
import {
  keyRefs,
  microsOf,
  namelessRefs,
  spanIdText,
  statusFrom,
  toCallProto,
  toSpanProto,
  toTraceProto,
} from "./trace-proto.ts";
import type {
  Before,
  CallRecord,
  SpanKey,
  TimeRange,
  Trace,
  TraceBefore,
  TraceQuery,
  TraceStore,
} from "./trace-store.ts";

/** What the trace methods need. */
export type TraceRpcOptions = {
  readonly traces: TraceStore;
  readonly names: NameResolver;
  readonly tail: TailHub;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
};

const PAGE_DEFAULT = 50;
const SPANS_DEFAULT = 200;
const LAST_HOUR_MS = 3_600_000;
const MICROS = /^[0-9]{1,16}$/;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const SPAN_ID = /^[0-9a-f]{16}$/;
const FLAG = /^[01]$/;

/** The methods of TraceService: proto to domain and back. */
export function createTraceRpc(options: TraceRpcOptions): ServiceImpl<typeof TraceService> {
  const { traces, names } = options;

  async function tracePage(
    orgId: string,
    query: Omit<TraceQuery, "page">,
    limit: number,
    cursor: string,
  ) {
    const size = limit === 0 ? PAGE_DEFAULT : limit;
    const after = traceBeforeOf(cursor);
    const found = await traces.listTraces(orgId, { ...query, page: { limit: size + 1, after } });
    const asOf = String(found.asOfMs ?? 0n);
    const page = pageOf(found.traces, size, ({ startTimeUs, traceId }) => [
      String(startTimeUs),
      traceId,
      asOf,
    ]);
    const named = await names.resolve(orgId, page.rows.flatMap(namelessRefs));
    return {
      traces: page.rows.map((trace) => toTraceProto(trace, named)),
      cursor: page.cursor,
      hasMore: page.hasMore,
    };
  }

  /** Calls by name. Those that were stored without one are found by the ids that have the name now. */
  async function nameFilter(
    orgId: string,
    kind: Extract<NameKind, "server" | "tool">,
    name: string,
    range: TimeRange,
  ): Promise<NameFilter | undefined> {
    if (name === "") return undefined;
    const nameless = await traces.namelessIds(orgId, { startUs: range.startUs, endUs: undefined });
    const ids = kind === "server" ? nameless.serverIds : nameless.toolIds;
    const named = await names.resolve(
      orgId,
      ids.map((id) => ({ kind, id })),
    );
    return { name, ids: ids.filter((id) => named.of(kind, id) === name || name === `tool:${id}`) };
  }

  async function filterOf(
    orgId: string,
    request: FilterFields,
    range: TimeRange,
  ): Promise<CallFilter> {
    return callFilterFrom(request, {
      server: await nameFilter(orgId, "server", request.mcpServer, range),
      tool: await nameFilter(orgId, "tool", request.toolName, range),
    });
  }

  async function namedCalls(
    orgId: string,
    calls: readonly CallRecord[],
    filter: CallFilter | undefined,
  ) {
    const named = await names.resolve(
      orgId,
      calls.flatMap((call) => [...namelessRefs(call), ...keyRefs(call)]),
    );
    const wanted = filter ? calls.filter((call) => matches(filter, call, named)) : calls;
    return wanted.map((call) => toCallProto(call, named));
  }

  async function existingTrace(
    traceId: string,
    context: HandlerContext,
  ): Promise<{ orgId: string; trace: Trace }> {
    const { orgId } = requireCaller(context);
    const trace = await traces.getTrace(orgId, idText("trace_id", traceId));
    if (!trace) throw new Failure("NOT_FOUND", "No trace with this id is known.");
    return { orgId, trace };
  }

  return {
    async listTraces({ startTime, endTime, status, userId, teamId, limit, cursor }, context) {
      const { orgId } = requireCaller(context);
      const filter = { status: statusFrom(status), userId, teamId };
      return tracePage(
        orgId,
        { range: rangeOf(startTime, endTime), filter, withCall: undefined },
        limit,
        cursor,
      );
    },

    async searchTraces(request, context) {
      const { orgId } = requireCaller(context);
      const range = rangeOf(request.startTime, request.endTime);
      const withCall = await filterOf(orgId, request, range);
      const filter = { status: undefined, userId: "", teamId: "" };
      return tracePage(orgId, { range, filter, withCall }, request.limit, request.cursor);
    },

    async getTrace({ traceId }, context) {
      const { orgId, trace } = await existingTrace(traceId, context);
      return { trace: toTraceProto(trace, await names.resolve(orgId, namelessRefs(trace))) };
    },

    async listSpans({ traceId, limit, cursor }, context) {
      const { orgId, trace } = await existingTrace(traceId, context);
      const size = limit === 0 ? SPANS_DEFAULT : limit;
      const after = spanKeyOf(cursor);
      const spans = await traces.listSpans(orgId, trace.traceId, { limit: size + 1, after });
      const page = pageOf(spans, size, (span) => [
        String(span.startTimeUs),
        span.operation === "gateway.request" ? "0" : "1",
        spanIdText(span.spanId),
      ]);
      const named = await names.resolve(orgId, page.rows.flatMap(namelessRefs));
      return {
        spans: page.rows.map((span) => toSpanProto(span, named)),
        cursor: page.cursor,
        hasMore: page.hasMore,
      };
    },

    async getCall({ requestId }, context) {
      const { orgId } = requireCaller(context);
      const call = await traces.getCall(orgId, idText("request_id", requestId));
      if (!call)
        throw new Failure(
          "NOT_FOUND",
          "No call with this request id is known. Records appear within two seconds of the answer.",
        );
      const [proto] = await namedCalls(orgId, [call], undefined);
      return proto === undefined ? {} : { call: proto };
    },

    async listCalls(request, context) {
      const { orgId } = requireCaller(context);
      const { startTime, endTime, limit, cursor } = request;
      const startUs = startTime
        ? boundedMicros("start_time", startTime)
        : BigInt(options.now() - LAST_HOUR_MS) * 1000n;
      const endUs = endTime && boundedMicros("end_time", endTime);
      const range = { startUs, endUs };
      const size = limit === 0 ? PAGE_DEFAULT : limit;
      const found = await traces.listCalls(orgId, {
        range,
        filter: await filterOf(orgId, request, range),
        page: { limit: size + 1, after: beforeOf(cursor) },
      });
      const page = pageOf(found, size, ({ startTimeUs, callId }) => [String(startTimeUs), callId]);
      return {
        calls: await namedCalls(orgId, page.rows, undefined),
        cursor: page.cursor,
        hasMore: page.hasMore,
      };
    },

    tailTraces(request, context) {
      const { orgId } = requireCaller(context);
      const filter = callFilterFrom(request, namesAlone(request));
      const stream = options.tail.listen(orgId, context.signal);
      return tailMessages(stream, (calls) => namedCalls(orgId, calls, filter));
    },
  };
}

/** A page of rows that were read with one more than its size. */
function pageOf<T>(
  rows: readonly T[],
  size: number,
  key: (row: T) => string[],
): { rows: readonly T[]; cursor: string; hasMore: boolean } {
  const page = rows.slice(0, size);
  const last = page.at(-1);
  const hasMore = rows.length > size;
  return { rows: page, cursor: hasMore && last !== undefined ? cursorOf(key(last)) : "", hasMore };
}

function beforeOf(cursor: string): Before | undefined {
  const [time, id] = keyOf(cursor, [MICROS, UUID]) ?? [];
  return time === undefined || id === undefined ? undefined : { startTimeUs: BigInt(time), id };
}

function traceBeforeOf(cursor: string): TraceBefore | undefined {
  const [time, id, asOf] = keyOf(cursor, [MICROS, UUID, MICROS]) ?? [];
  if (time === undefined || id === undefined || asOf === undefined) return undefined;
  return { startTimeUs: BigInt(time), id, asOfMs: BigInt(asOf) };
}

function spanKeyOf(cursor: string): SpanKey | undefined {
  const [time, flag, id] = keyOf(cursor, [MICROS, FLAG, SPAN_ID]) ?? [];
  if (time === undefined || id === undefined) return undefined;
  return { startTimeUs: BigInt(time), isStage: flag === "1", spanId: BigInt(`0x${id}`) };
}

function rangeOf(start: Timestamp | undefined, end: Timestamp | undefined): TimeRange {
  if (!start || !end) throw new Failure("REQUEST_INVALID", "start_time and end_time are required.");
  const range = {
    startUs: boundedMicros("start_time", start),
    endUs: boundedMicros("end_time", end),
  };
  if (range.endUs <= range.startUs) throw invalid("end_time", "must be after start_time");
  return range;
}

// What a DateTime64 can hold is between 1900 and 2299.
const LATEST_US = 7_258_118_400_000_000n;

function boundedMicros(field: string, time: Timestamp): bigint {
  const us = microsOf(time);
  if (us < 0n || us > LATEST_US) throw invalid(field, "must be between the years 1970 and 2200");
  return us;
}
