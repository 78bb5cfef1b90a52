import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { encodeRows } from "@gatewayops/platform/clickhouse/tab-separated";
import {
  microsFromDateTime,
  microsFromUsd,
  textOrEmpty,
} from "@gatewayops/platform/clickhouse/values";
import { toolIdToText } from "@gatewayops/platform/ids";
import { DURATION_BOUNDS_US } from "../summary/duration-histogram.ts";
import { LEDGER_COLUMNS, type MinuteRange } from "./ledger-row.ts";
import type { LedgerEntry, LedgerStore } from "./ledger-store.ts";

/** Ranges that one statement recomputes. A batch of late records may touch more. */
const RANGES_MAX = 50;

export function createClickHouseLedgerStore(clickhouse: ClickHouse): LedgerStore {
  return {
    add: (rows) =>
      clickhouse.insertEncoded("ledger add", "cost_events", encodeRows(LEDGER_COLUMNS, rows)),

    async recompute(ranges) {
      for (let from = 0; from < ranges.length; from += RANGES_MAX) {
        const { condition, parameters } = whereIn(ranges.slice(from, from + RANGES_MAX));
        await clickhouse.run("ledger recompute", recomputeSql(condition), {
          ...parameters,
          bounds: DURATION_BOUNDS_US,
        });
      }
    },

    async traceCost(orgId, traceId, limit) {
      const rows = await clickhouse.select<TraceCostRow>("trace cost", TRACE_COST, {
        orgId,
        traceId,
        limit,
      });
      return { totalUsdMicros: microsFromUsd(rows[0]?.total ?? "0"), entries: rows.map(toEntry) };
    },
  };
}

// FINAL, so that a call stored twice counts once. It reads the touched minutes only: they are ranges of the sort key.
function recomputeSql(condition: string): string {
  return `
    INSERT INTO cost_minute (org_id, minute, team_id, user_id, key_id, server_id, tool_id, version, calls, errors,
      cost, input_tokens, output_tokens, durations)
    SELECT org_id, toStartOfMinute(timestamp) AS minute, team_id, user_id, key_id, server_id, tool_id,
      sum(weight), count(), countIf(outcome != 'ok'), sum(cost), sum(input_tokens), sum(output_tokens),
      arrayMap(
        bucket -> countEqual(groupArray(toUInt8(arrayCount(bound -> duration_us > bound, {bounds:Array(UInt64)}))), bucket),
        range(toUInt8(length({bounds:Array(UInt64)}) + 1))
      )
    FROM cost_events FINAL
    WHERE ${condition}
    GROUP BY org_id, minute, team_id, user_id, key_id, server_id, tool_id`;
}

// Not FINAL, which would read the whole organisation: the index on trace_id finds the parts.
const TRACE_COST = `
  SELECT event_id, toString(timestamp) AS time, server_id, mcp_server, tool_id, tool_name, toString(cost) AS cost_text,
    price_rule_id, toString(sum(cost) OVER ()) AS total
  FROM (
    SELECT event_id, timestamp, server_id, mcp_server, tool_id, tool_name, cost, price_rule_id
    FROM cost_events
    WHERE org_id = {orgId:String} AND trace_id = {traceId:UUID}
    ORDER BY timestamp, event_id, weight DESC
    LIMIT 1 BY timestamp, event_id
  )
  ORDER BY timestamp, event_id
  LIMIT {limit:UInt32}`;

type TraceCostRow = {
  event_id: string;
  time: string;
  server_id: string;
  mcp_server: string;
  tool_id: string;
  tool_name: string;
  cost_text: string;
  price_rule_id: string;
  total: string;
};

function toEntry(row: TraceCostRow): LedgerEntry {
  return {
    callId: row.event_id,
    timeUs: microsFromDateTime(row.time),
    serverId: row.server_id,
    serverName: row.mcp_server,
    toolId: toolIdToText(BigInt(row.tool_id)),
    toolName: row.tool_name,
    costUsdMicros: microsFromUsd(row.cost_text),
    priceRuleId: textOrEmpty(row.price_rule_id),
  };
}

/** A condition on the ledger's sort key and its parameters. */
function whereIn(ranges: readonly MinuteRange[]): {
  condition: string;
  parameters: Record<string, string>;
} {
  const parameters: Record<string, string> = {};
  const terms = ranges.map(({ orgId, start, end }, i) => {
    Object.assign(parameters, { [`org${i}`]: orgId, [`start${i}`]: start, [`end${i}`]: end });
    return (
      `(org_id = {org${i}:String} AND timestamp >= {start${i}:DateTime64(6, 'UTC')} ` +
      `AND timestamp < {end${i}:DateTime64(6, 'UTC')})`
    );
  });
  return { condition: terms.join(" OR "), parameters };
}
