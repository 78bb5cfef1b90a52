import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { dateTimeFromMicros, microsFromUsd } from "@gatewayops/platform/clickhouse/values";
import { toolIdToText } from "@gatewayops/platform/ids";
import type { Period } from "../summary/periods.ts";
import type { SimulatedLine, SimulationQuery, SimulationStore } from "./simulation-store.ts";

/** More servers than an organisation has. */
const SERVERS_MAX = 10_000;

export function createClickHouseSimulationStore(clickhouse: ClickHouse): SimulationStore {
  return {
    async servers(orgId, period) {
      const rows = await clickhouse.select<ServerRow>("simulation servers", SERVERS, {
        orgId,
        ...timesOf(period),
        limit: SERVERS_MAX,
      });
      return rows.map(({ id, name }) => ({ id, storedName: name }));
    },
    async simulate(orgId, query) {
      const { parts, operation, serverIds, toolIds } = query;
      const rows = await clickhouse.select<SimulatedRow>("price simulation", sqlOf(query), {
        orgId,
        ...timesOf(query.period),
        operation,
        ...(serverIds && { serverIds }),
        ...(toolIds && { toolIds: [...toolIds] }),
        ...Object.fromEntries(PARTS.map((part) => [part, String(parts[part])])),
        limit: query.limit,
      });
      const [first] = rows;
      return {
        total: {
          calls: BigInt(first?.total_calls ?? "0"),
          cappedCalls: BigInt(first?.total_capped ?? "0"),
          actualUsdMicros: microsFromUsd(first?.total_actual ?? "0"),
          simulatedUsdMicros: BigInt(first?.total_simulated ?? "0"),
        },
        lines: rows.map(toLine),
      };
    },
  };
}

const PARTS = [
  "perCallUsdMicros",
  "perKbInUsdMicros",
  "perKbOutUsdMicros",
  "per1kInputTokensUsdMicros",
  "per1kOutputTokensUsdMicros",
  "perSecondUsdMicros",
  "maxPerCallUsdMicros",
] as const;

const IN_PERIOD = `org_id = {orgId:String}
  AND timestamp >= {start:DateTime64(6, 'UTC')} AND timestamp < {end:DateTime64(6, 'UTC')}`;

const SERVERS = `
  SELECT toString(server_id) AS id, max(toString(mcp_server)) AS name
  FROM cost_events
  WHERE ${IN_PERIOD} AND server_id != ''
  GROUP BY id
  LIMIT {limit:UInt32}`;

type ServerRow = { id: string; name: string };

/**
 * The gateway's price, call by call: in 16 millionths of a micro-USD, in which a byte of 1024, a token of 1000 and a
 * microsecond of a second are whole (15625, 16000 and 16 of them); rounded half up once, at most the maximum. 128 bits
 * hold it for a price of 1000 USD and any number of bytes that 64 bits hold.
 */
const SUM = `
  {perCallUsdMicros:UInt128} * 16000000
  + request_bytes * {perKbInUsdMicros:UInt128} * 15625
  + response_bytes * {perKbOutUsdMicros:UInt128} * 15625
  + input_tokens * {per1kInputTokensUsdMicros:UInt128} * 16000
  + output_tokens * {per1kOutputTokensUsdMicros:UInt128} * 16000
  + duration_us * {perSecondUsdMicros:UInt128} * 16`;

// FINAL, so that a call stored twice counts once. Charged is what a server answered with a result. The totals are sums over
// all groups, before the limit.
function sqlOf({ serverIds, toolIds }: SimulationQuery): string {
  return `
    SELECT server, tool, operation, count() AS calls, sum(cost) AS actual, sum(simulated) AS simulated_cost,
      toString(calls) AS line_calls, toString(actual) AS line_actual, toString(simulated_cost) AS line_simulated,
      toString(sum(calls) OVER ()) AS total_calls,
      toString(sum(countIf(sum_of_parts > {maxPerCallUsdMicros:UInt128})) OVER ()) AS total_capped,
      toString(sum(actual) OVER ()) AS total_actual,
      toString(sum(simulated_cost) OVER ()) AS total_simulated
    FROM (
      SELECT toString(server_id) AS server, toString(tool_id) AS tool, toString(operation) AS operation, cost,
        intDiv(${SUM} + 8000000, 16000000) AS sum_of_parts,
        least(sum_of_parts, {maxPerCallUsdMicros:UInt128}) AS simulated
      FROM cost_events FINAL
      WHERE ${IN_PERIOD} AND outcome IN ('ok', 'tool_error')
        AND ({operation:String} = '*' OR operation = {operation:String})
        ${serverIds ? "AND server_id IN {serverIds:Array(String)}" : ""}
        ${toolIds ? "AND tool_id IN {toolIds:Array(UInt64)}" : ""}
    )
    GROUP BY server, tool, operation
    ORDER BY simulated_cost DESC, calls DESC, server, tool, operation
    LIMIT {limit:UInt32}`;
}

type SimulatedRow = {
  server: string;
  tool: string;
  operation: string;
  line_calls: string;
  line_actual: string;
  line_simulated: string;
  total_calls: string;
  total_capped: string;
  total_actual: string;
  total_simulated: string;
};

function toLine(row: SimulatedRow): SimulatedLine {
  return {
    serverId: row.server,
    toolId: toolIdToText(BigInt(row.tool)),
    operation: row.operation,
    calls: BigInt(row.line_calls),
    actualUsdMicros: microsFromUsd(row.line_actual),
    simulatedUsdMicros: BigInt(row.line_simulated),
  };
}

function timesOf({ startMs, endMs }: Period): { start: string; end: string } {
  return {
    start: dateTimeFromMicros(BigInt(startMs) * 1000n),
    end: dateTimeFromMicros(BigInt(endMs) * 1000n),
  };
}
