import { dateTimeFromMicros, usdFromMicros } from "@gatewayops/platform/clickhouse/values";
import type { CallFilter, NameFilter } from "./call-filter.ts";
import type { Before, TimeRange } from "./trace-store.ts";

/** Text of a statement or a part of one, and the values of its parameters. */
export type Conditions = { readonly sql: string; readonly parameters: Record<string, unknown> };

/** Conditions on the columns of `calls`. Always one at least. They use the parameter orgId. */
export function callConditions(filter: CallFilter): Conditions {
  const terms = ["1"];
  const parameters: Record<string, unknown> = {};
  const add = (term: string, values: Record<string, unknown>): void => {
    terms.push(term);
    Object.assign(parameters, values);
  };
  const { status, reason, minDurationUs, maxDurationUs, minCostUsdMicros, maxCostUsdMicros } =
    filter;
  if (status !== undefined) add("status = {callStatus:String}", { callStatus: status });
  if (reason !== 0) add("reason = {callReason:UInt16}", { callReason: reason });
  for (const [name, column] of TEXT_COLUMNS) {
    const parameter = `call_${column}`;
    if (filter[name] !== "")
      add(`${column} = {${parameter}:String}`, { [parameter]: filter[name] });
  }
  if (minDurationUs > 0n)
    add("duration_us >= {minDurationUs:UInt64}", { minDurationUs: String(minDurationUs) });
  if (maxDurationUs !== undefined)
    add("duration_us <= {maxDurationUs:UInt64}", { maxDurationUs: String(maxDurationUs) });
  if (minCostUsdMicros > 0n)
    add("cost >= {minCost:Decimal64(6)}", { minCost: usdFromMicros(minCostUsdMicros) });
  if (maxCostUsdMicros !== undefined)
    add("cost <= {maxCost:Decimal64(6)}", { maxCost: usdFromMicros(maxCostUsdMicros) });
  for (const more of [serverCondition(filter.server), toolCondition(filter.tool), idsOf(filter)])
    if (more) add(more.sql, more.parameters);
  return { sql: terms.join(" AND "), parameters };
}

const TEXT_COLUMNS = [
  ["outcome", "outcome"],
  ["face", "face"],
  ["method", "method"],
  ["userId", "user_id"],
  ["teamId", "team_id"],
  ["keyId", "key_id"],
] as const satisfies readonly (readonly [keyof CallFilter, string])[];

/** Conditions on ids, which are the same in every version of a call. Undefined: none. */
export function idsOf({ callId, traceId }: CallFilter): Conditions | undefined {
  const terms: string[] = [];
  if (callId !== "") terms.push("call_id = {filterCallId:UUID}");
  // By the sort key: a trace id alone would be looked for everywhere.
  if (traceId !== "")
    terms.push(`trace_id = {filterTraceId:UUID} AND (start_time, call_id) IN (
      SELECT start_time, call_id FROM trace_calls
      WHERE org_id = {orgId:String} AND trace_id = {filterTraceId:UUID})`);
  if (terms.length === 0) return undefined;
  return {
    sql: terms.join(" AND "),
    parameters: {
      ...(callId === "" ? {} : { filterCallId: callId }),
      ...(traceId === "" ? {} : { filterTraceId: traceId }),
    },
  };
}

function serverCondition(server: NameFilter | undefined): Conditions | undefined {
  if (server === undefined) return undefined;
  return {
    sql: "(mcp_server = {serverName:String} OR server_id IN {serverIds:Array(String)})",
    parameters: { serverName: server.name, serverIds: server.ids },
  };
}

function toolCondition(tool: NameFilter | undefined): Conditions | undefined {
  if (tool === undefined) return undefined;
  return {
    sql: "(tool_name = {toolName:String} OR tool_id IN {toolIds:Array(UInt64)})",
    parameters: { toolName: tool.name, toolIds: tool.ids.map((id) => BigInt(`0x${id}`)) },
  };
}

/**
 * Conditions on `start_time` and an id column for a page that goes from new to old. The plain bounds of start_time
 * are what the sort key can use.
 */
export function rangeConditions(
  range: TimeRange,
  after: Before | undefined,
  idColumn: "call_id" | "trace_id",
): Conditions {
  const terms = ["start_time >= {start:DateTime64(6, 'UTC')}"];
  const parameters: Record<string, unknown> = { start: dateTimeFromMicros(range.startUs) };
  if (range.endUs !== undefined) {
    terms.push("start_time < {end:DateTime64(6, 'UTC')}");
    parameters["end"] = dateTimeFromMicros(range.endUs);
  }
  if (after !== undefined) {
    terms.push(
      "start_time <= {afterTime:DateTime64(6, 'UTC')}",
      `(start_time, ${idColumn}) < ({afterTime:DateTime64(6, 'UTC')}, {afterId:UUID})`,
    );
    Object.assign(parameters, {
      afterTime: dateTimeFromMicros(after.startTimeUs),
      afterId: after.id,
    });
  }
  return { sql: terms.join(" AND "), parameters };
}
