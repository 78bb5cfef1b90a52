import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { dateTimeFromMicros } from "@gatewayops/platform/clickhouse/values";
import { toolIdToText, timeOfUuidV7, uuidFromText } from "@gatewayops/platform/ids";
import { callConditions, idsOf, rangeConditions, type Conditions } from "./call-conditions.ts";
import { toCall, type CallRecordRow } from "./trace-rows.ts";
import type { CallQuery, TraceStore } from "./trace-store.ts";

/** Reads `calls`. */
export function createCallReader(
  clickhouse: ClickHouse,
): Pick<
  TraceStore,
  "getCall" | "listCalls" | "storeTimeMs" | "storedSince" | "callsOf" | "namelessIds"
> {
  return {
    async getCall(orgId, callId) {
      const id = uuidFromText(callId);
      if (id === undefined) return undefined;
      // The gateway makes the id when it reads the request: its time leads to the row without a search.
      const near = { ...nearTimeOf(id), orgId, callId };
      const rows = await clickhouse.select<CallRecordRow>("call get", CALL_NEAR, near);
      const found =
        rows.length > 0
          ? rows
          : await clickhouse.select<CallRecordRow>("call search", CALL_ANYWHERE, { orgId, callId });
      return found[0] && toCall(found[0]);
    },

    async listCalls(orgId, query) {
      const { sql, parameters } = callsSql(query);
      const rows = await clickhouse.select<CallRecordRow>("calls list", sql, {
        orgId,
        ...parameters,
      });
      return rows.map(toCall);
    },

    async storeTimeMs() {
      const sql = "SELECT toUnixTimestamp64Milli(now64(3)) AS now_ms";
      const [row] = await clickhouse.select<{ now_ms: string }>("store time", sql);
      return Number(row?.now_ms);
    },

    async storedSince(orgId, sinceMs, limit) {
      const rows = await clickhouse.select<VersionRow>("calls stored", STORED_SINCE, {
        orgId,
        sinceMs,
        limit,
      });
      return rows.map((row) => ({
        callId: row.id,
        startTimeUs: BigInt(row.start_us),
        weight: row.weight,
        storedMs: Number(row.stored_ms),
      }));
    },

    async callsOf(orgId, calls) {
      if (calls.length === 0) return [];
      let [first, last] = [calls[0]?.startTimeUs ?? 0n, 0n];
      for (const { startTimeUs } of calls) {
        if (startTimeUs < first) first = startTimeUs;
        if (startTimeUs > last) last = startTimeUs;
      }
      const rows = await clickhouse.select<CallRecordRow>("calls by id", CALLS_BY_ID, {
        orgId,
        callIds: calls.map(({ callId }) => callId),
        first: dateTimeFromMicros(first),
        last: dateTimeFromMicros(last),
      });
      return rows.map(toCall);
    },

    async namelessIds(orgId, range) {
      const conditions = rangeConditions(range, undefined, "call_id");
      const rows = await clickhouse.select<{ servers: string[]; tools: string[] }>(
        "nameless ids",
        `SELECT groupUniqArrayIf(1000)(toString(server_id), mcp_server = '' AND server_id != '') AS servers,
          groupUniqArrayIf(1000)(toString(tool_id), tool_name = '' AND tool_id != 0) AS tools
        FROM calls
        WHERE org_id = {orgId:String} AND ${conditions.sql}`,
        { orgId, ...conditions.parameters },
      );
      return {
        serverIds: rows[0]?.servers ?? [],
        toolIds: (rows[0]?.tools ?? []).map((id) => toolIdToText(BigInt(id))),
      };
    },
  };
}

const COLUMNS = `org_id, toString(call_id) AS id, toString(trace_id) AS trace, toUnixTimestamp64Micro(start_time) AS start_us,
    duration_us, method, toString(status) AS status_name, outcome, reason, http_status, rpc_code, face,
    toString(cost) AS cost_text, price_rule_id, request_size, response_size, attempts, key_id, team_id, user_id,
    server_id, mcp_server, tool_id, tool_name, stages.name AS stage_names, stages.outcome AS stage_outcomes,
    stages.duration_us AS stage_durations, stages.rule_owner AS stage_rule_owners`;

const CALL_NEAR = `
  SELECT ${COLUMNS} FROM calls
  WHERE org_id = {orgId:String} AND call_id = {callId:UUID}
    AND start_time >= fromUnixTimestamp64Milli({fromMs:Int64}, 'UTC')
    AND start_time < fromUnixTimestamp64Milli({toMs:Int64}, 'UTC')
  ORDER BY weight DESC
  LIMIT 1`;

const CALL_ANYWHERE = `
  SELECT ${COLUMNS} FROM calls
  WHERE org_id = {orgId:String} AND call_id = {callId:UUID}
  ORDER BY weight DESC
  LIMIT 1`;

type VersionRow = { id: string; start_us: string; weight: number; stored_ms: string };

// The index of stored_time leads to the granules that were stored lately.
const STORED_SINCE = `
  SELECT toString(call_id) AS id, toUnixTimestamp64Micro(start_time) AS start_us, weight,
    toUnixTimestamp64Milli(stored_time) AS stored_ms
  FROM calls
  WHERE org_id = {orgId:String} AND start_time >= now64(6, 'UTC') - INTERVAL 1 DAY
    AND stored_time >= fromUnixTimestamp64Milli({sinceMs:Int64}, 'UTC')
  ORDER BY stored_time DESC
  LIMIT {limit:UInt32}`;

const CALLS_BY_ID = `
  SELECT ${COLUMNS} FROM calls
  WHERE org_id = {orgId:String} AND call_id IN {callIds:Array(UUID)}
    AND start_time >= {first:DateTime64(6, 'UTC')} AND start_time <= {last:DateTime64(6, 'UTC')}
  ORDER BY call_id, weight DESC
  LIMIT 1 BY call_id`;

/** How far the time in a call id may be from the time in its record. */
const NEAR_MS = 10_000;

// What may stand in a DateTime64: any 48 bits may be in an id that somebody typed.
const LATEST_MS = 7_258_118_400_000;

function nearTimeOf(callId: Uint8Array): { fromMs: number; toMs: number } {
  const ms = Math.min(timeOfUuidV7(callId), LATEST_MS);
  return { fromMs: Math.max(0, ms - NEAR_MS), toMs: ms + NEAR_MS };
}

// The inner query reads in the order of the sort key and ends when the outer one has enough, which FINAL could not;
// the filter stands outside, so that it sees the newest version of a row only, but for ids, which no version changes.
function callsSql(query: CallQuery): Conditions {
  const range = rangeConditions(query.range, query.page.after, "call_id");
  const parameters: Record<string, unknown> = { ...range.parameters, limit: query.page.limit };
  const filter = callConditions({ ...query.filter, callId: "", traceId: "" });
  const ids = idsOf(query.filter);
  Object.assign(parameters, filter.parameters, ids?.parameters);
  const sql = `
    SELECT ${COLUMNS}
    FROM (
      SELECT org_id, call_id, trace_id, start_time, duration_us, method, status, outcome, reason, http_status,
        rpc_code, face, cost, price_rule_id, request_size, response_size, attempts, key_id, team_id, user_id,
        server_id, mcp_server, tool_id, tool_name, stages.name, stages.outcome, stages.duration_us,
        stages.rule_owner
      FROM calls
      WHERE org_id = {orgId:String} AND ${range.sql} AND ${ids?.sql ?? "1"}
      ORDER BY org_id DESC, start_time DESC, call_id DESC, weight DESC
      LIMIT 1 BY start_time, call_id
    )
    WHERE ${filter.sql}
    ORDER BY org_id DESC, start_time DESC, call_id DESC
    LIMIT {limit:UInt32}`;
  return { sql, parameters };
}
