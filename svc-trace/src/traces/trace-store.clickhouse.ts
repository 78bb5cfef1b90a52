import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { dateTimeFromMicros } from "@gatewayops/platform/clickhouse/values";
import { callsOfTraces, traceSql } from "../calls/trace-sql.ts";
import { callConditions, rangeConditions, type Conditions } from "./call-conditions.ts";
import { createCallReader } from "./call-reader.clickhouse.ts";
import { toSpan, toTrace, type SpanRecordRow, type TraceRow } from "./trace-rows.ts";
import type { SpanKey, Trace, TraceQuery, TraceStore } from "./trace-store.ts";

export function createClickHouseTraceStore(clickhouse: ClickHouse): TraceStore {
  return {
    ...createCallReader(clickhouse),

    async listTraces(orgId, query) {
      const found: Trace[] = [];
      let after = query.page.after;
      let asOfMs = after?.asOfMs;
      // Rows that were left behind by a trace whose beginning became known later are dropped, so ask until enough.
      for (;;) {
        const limit = query.page.limit - found.length;
        const rows = await candidates(orgId, { ...query, page: { limit, after } });
        const last = rows.at(-1);
        asOfMs ??= last && BigInt(last.now_ms ?? 0);
        found.push(...(await atTheirStart(orgId, rows.map(toTrace), asOfMs ?? 0n)));
        if (last === undefined || rows.length < limit || found.length >= query.page.limit)
          return { traces: found, asOfMs };
        after = { startTimeUs: BigInt(last.start_us), id: last.id, asOfMs: asOfMs ?? 0n };
      }
    },

    async getTrace(orgId, traceId) {
      const rows = await clickhouse.select<TraceRow>("trace get", TRACE_OF_CALLS, {
        orgIds: [orgId],
        traceIds: [traceId],
      });
      return rows[0] && toTrace(rows[0]);
    },

    async listSpans(orgId, traceId, { limit, after }) {
      const rows = await clickhouse.select<SpanRecordRow>("spans list", spansSql(after), {
        orgIds: [orgId],
        traceIds: [traceId],
        limit,
        ...(after === undefined ? {} : keyParameters(after)),
      });
      return rows.map(toSpan);
    },
  };

  function candidates(orgId: string, query: TraceQuery): Promise<TraceRow[]> {
    const { sql, parameters } = tracesSql(query);
    return clickhouse.select<TraceRow>("traces list", sql, { orgId, ...parameters });
  }

  /**
   * Without rows that are not at the start of their trace: that of when the first page was read, so that no trace is
   * shown twice or not at all because it moves meanwhile; of a trace that came later, its start now. A statement that
   * stores calls while the first page is read may count as either.
   */
  async function atTheirStart(
    orgId: string,
    traces: readonly Trace[],
    asOfMs: bigint,
  ): Promise<Trace[]> {
    if (traces.length === 0) return [];
    const rows = await clickhouse.select<{ id: string; start_us: string }>(
      "traces starts",
      STARTS,
      {
        orgId,
        traceIds: traces.map(({ traceId }) => traceId),
        asOfMs: String(asOfMs),
      },
    );
    const starts = new Map(rows.map(({ id, start_us }) => [id, BigInt(start_us)]));
    return traces.filter(({ traceId, startTimeUs }) => {
      const start = starts.get(traceId);
      return start === undefined || start === startTimeUs;
    });
  }
}

/** Columns of a trace, by which the rows are named, from columns of the same order as traceSql's. */
const TRACE_COLUMNS = `toString(trace_id) AS id, toUnixTimestamp64Micro(start_time) AS start_us, duration_ms, user_id,
    team_id, server_id, mcp_server, tool_id, tool_name, toString(status) AS status_name, span_count, call_count,
    toString(total_cost) AS cost_text`;

const TRACE_OF_CALLS = `
  SELECT toString(trace_id) AS id, toUnixTimestamp64Micro(trace_start) AS start_us, trace_ms AS duration_ms,
    first_user AS user_id, first_team AS team_id, first_server AS server_id, first_server_name AS mcp_server,
    first_tool AS tool_id, first_tool_name AS tool_name, worst AS status_name, spans AS span_count,
    calls AS call_count, toString(cost_sum) AS cost_text
  FROM (${traceSql(callsOfTraces("start_time"))})`;

const STARTS = `
  WITH stored_time <= fromUnixTimestamp64Milli({asOfMs:Int64}, 'UTC') AS was_there
  SELECT toString(trace_id) AS id,
    toUnixTimestamp64Micro(if(countIf(was_there) > 0, minIf(start_time, was_there), min(start_time))) AS start_us
  FROM trace_calls
  WHERE org_id = {orgId:String} AND trace_id IN {traceIds:Array(UUID)}
  GROUP BY trace_id`;

// The inner query reads in the order of the sort key and ends when the outer one has enough, which FINAL could not;
// the filter stands outside, so that it sees the newest version of a row only.
function tracesSql(query: TraceQuery): Conditions {
  const range = rangeConditions(query.range, query.page.after, "trace_id");
  const parameters: Record<string, unknown> = { ...range.parameters, limit: query.page.limit };
  const filters = ["1"];
  const { status, userId, teamId } = query.filter;
  if (status !== undefined) filters.push("status = {status:String}");
  if (userId !== "") filters.push("user_id = {userId:String}");
  if (teamId !== "") filters.push("team_id = {teamId:String}");
  Object.assign(parameters, { status, userId, teamId });
  if (query.withCall !== undefined) {
    const call = callConditions(query.withCall);
    // A call may begin after the period in which its trace begins.
    filters.push(`trace_id IN (
      SELECT trace_id FROM calls FINAL
      WHERE org_id = {orgId:String} AND start_time >= {start:DateTime64(6, 'UTC')} AND ${call.sql})`);
    Object.assign(parameters, call.parameters);
  }
  const traceId = query.withCall?.traceId ?? "";
  const sql = `
    SELECT ${TRACE_COLUMNS}, toUnixTimestamp64Milli(now64(3)) AS now_ms
    FROM (
      SELECT org_id, start_time, trace_id, user_id, team_id, server_id, mcp_server, tool_id, tool_name, duration_ms,
        status, span_count, call_count, total_cost
      FROM traces
      WHERE org_id = {orgId:String} AND ${range.sql} AND ${traceId === "" ? "1" : "trace_id = {filterTraceId:UUID}"}
      ORDER BY org_id DESC, start_time DESC, trace_id DESC, version DESC
      LIMIT 1 BY start_time, trace_id
    )
    WHERE ${filters.join(" AND ")}
    ORDER BY org_id DESC, start_time DESC, trace_id DESC
    LIMIT {limit:UInt32}`;
  return { sql, parameters };
}

function spansSql(after: SpanKey | undefined): string {
  const from =
    after === undefined
      ? "1"
      : `(start_time, is_stage, span_id) >
          ({startTime:DateTime64(6, 'UTC')}, {isStage:UInt8}, {spanId:UInt64})`;
  return `
    SELECT toString(trace_id) AS trace, toString(span_id) AS span, toString(parent_span_id) AS parent, operation,
      server_id, mcp_server, tool_id, tool_name, toUnixTimestamp64Micro(start_time) AS start_us, duration_us,
      toString(status) AS status_name, request_size, response_size, toString(cost) AS cost_text, attributes,
      operation != 'gateway.request' AS is_stage
    FROM spans
    WHERE ${callsOfTraces("call_time")} AND ${from}
    ORDER BY start_time, is_stage, span_id
    LIMIT {limit:UInt32}`;
}

function keyParameters(key: SpanKey): Record<string, unknown> {
  return {
    startTime: dateTimeFromMicros(key.startTimeUs),
    isStage: key.isStage ? 1 : 0,
    spanId: String(key.spanId),
  };
}
