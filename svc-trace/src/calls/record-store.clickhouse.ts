import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { encodeRows } from "@gatewayops/platform/clickhouse/tab-separated";
import { dateTimeFromMicros } from "@gatewayops/platform/clickhouse/values";
import { CALL_COLUMNS } from "./call-row.ts";
import type { RecordStore, TouchedTrace } from "./record-store.ts";
import { callsOfTraces, traceSql } from "./trace-sql.ts";

/**
 * Traces that one statement recomputes. Their ids are parameters, about 41 bytes each: ClickHouse takes 256 KiB as one
 * (`max_query_size`).
 */
const TRACES_MAX = 5_000;

/** How far the clocks of gateways may differ, at most. */
const CLOCKS_DIFFER_US = 60_000_000n;
/** Age up to which the calls since a trace's root are fewer than a search for each trace's calls is worth. */
const RECENT_US = 60_000_000n;

/** @param now milliseconds since 1970-01-01 UTC; only which way is taken depends on it */
export function createClickHouseRecordStore(
  clickhouse: ClickHouse,
  now: () => number,
): RecordStore {
  return {
    addCalls: (rows) =>
      clickhouse.insertEncoded("calls add", "calls", encodeRows(CALL_COLUMNS, rows)),
    async recompute(traces) {
      const recentUs = BigInt(now()) * 1000n - RECENT_US;
      const recent: TouchedTrace[] = [];
      const others: TouchedTrace[] = [];
      let oldestUs = BigInt(now()) * 1000n;
      for (const trace of traces) {
        const { rootTimeUs } = trace;
        if (rootTimeUs === undefined || rootTimeUs < recentUs) others.push(trace);
        else {
          recent.push(trace);
          if (rootTimeUs < oldestUs) oldestUs = rootTimeUs;
        }
      }
      const since = dateTimeFromMicros(oldestUs - CLOCKS_DIFFER_US);
      await recomputeBy(SINCE, recent, { since });
      await recomputeBy(callsOfTraces("start_time"), others, {});
    },
  };

  async function recomputeBy(
    condition: string,
    traces: readonly TouchedTrace[],
    parameters: Record<string, unknown>,
  ): Promise<void> {
    for (let from = 0; from < traces.length; from += TRACES_MAX) {
      const some = traces.slice(from, from + TRACES_MAX);
      // Pairs that are not in `traces` but in both lists are computed too: right, and as rare as equal trace ids.
      await clickhouse.run("traces recompute", recomputeSql(condition), {
        ...parameters,
        orgIds: [...new Set(some.map(({ orgId }) => orgId))],
        traceIds: [...new Set(some.map(({ traceId }) => traceId))],
      });
    }
  }
}

// A range of the sort key, a minute or two long: what most traces need, which have one call and an id made for it.
const SINCE = `org_id IN {orgIds:Array(String)} AND start_time >= {since:DateTime64(6, 'UTC')}
  AND trace_id IN {traceIds:Array(UUID)}`;

function recomputeSql(condition: string): string {
  return `
  INSERT INTO traces (org_id, trace_id, start_time, end_time, duration_ms, user_id, team_id, server_id, mcp_server,
    tool_id, tool_name, status, span_count, call_count, total_cost, error_message, version,
    retention_days)
  ${traceSql(condition)}`;
}
