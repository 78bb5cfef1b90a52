import { dateTimeFromMicros, usdFromMicros } from "@gatewayops/platform/clickhouse/values";
import type { Before, CallFilter, NameFilter, TimeRange } from "./trace-store.ts";

/** Text of a statement or a part of one, and the values of its parameters. */
export type Conditions = { readonly sql: string; readonly parameters: Record<string, unknown> };

/** Conditions on the columns of `calls`. Always one at least. */
export function callConditions(filter: CallFilter): Conditions {
  const terms = ["1"];
  const parameters: Record<string, unknown> = {};
  const add = (term: string, values: Record<string, unknown>): void => {
    terms.push(term);
    Object.assign(parameters, values);
  };
  const { status, userId, teamId, keyId, minDurationUs, minCostUsdMicros } = filter;
  if (status !== undefined) add("status = {callStatus:String}", { callStatus: status });
  if (userId !== "") add("user_id = {callUserId:String}", { callUserId: userId });
  if (teamId !== "") add("team_id = {callTeamId:String}", { callTeamId: teamId });
  if (keyId !== "") add("key_id = {keyId:String}", { keyId });
  if (minDurationUs > 0n)
    add("duration_us >= {minDurationUs:UInt64}", { minDurationUs: String(minDurationUs) });
  if (minCostUsdMicros > 0n)
    add("cost >= {minCost:Decimal64(6)}", { minCost: usdFromMicros(minCostUsdMicros) });
  for (const name of [serverCondition(filter.server), toolCondition(filter.tool)])
    if (name) add(name.sql, name.parameters);
  return { sql: terms.join(" AND "), parameters };
}

/** Calls of a server with a name, undefined when any will do. */
export function serverCondition(server: NameFilter | undefined): Conditions | undefined {
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
