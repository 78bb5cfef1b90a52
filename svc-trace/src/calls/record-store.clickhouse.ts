import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import type { RecordStore } from "./record-store.ts";
import { traceSql } from "./trace-sql.ts";

/** Traces that one statement recomputes. Their ids are parameters, which travel in the URL (at most 1 MB). */
const TRACES_MAX = 5_000;

export function createClickHouseRecordStore(clickhouse: ClickHouse): RecordStore {
  return {
    addCalls: (rows) => clickhouse.insert("calls add", "calls", rows),
    addSpans: (rows) => clickhouse.insert("spans add", "spans", rows),
    async recompute(traces) {
      for (let from = 0; from < traces.length; from += TRACES_MAX) {
        const some = traces.slice(from, from + TRACES_MAX);
        // Pairs that are not in `traces` but in both lists are computed too: right, and as rare as equal trace ids.
        await clickhouse.run("traces recompute", RECOMPUTE, {
          orgIds: [...new Set(some.map(({ orgId }) => orgId))],
          traceIds: [...new Set(some.map(({ traceId }) => traceId))],
        });
      }
    },
  };
}

const RECOMPUTE = `
  INSERT INTO traces (org_id, trace_id, start_time, end_time, duration_ms, user_id, team_id, server_id, mcp_server,
    tool_id, tool_name, status, span_count, call_count, total_cost, error_message, version)
  ${traceSql("org_id IN {orgIds:Array(String)} AND trace_id IN {traceIds:Array(UUID)}")}`;
