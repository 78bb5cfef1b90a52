/**
 * A condition that finds the calls of traces by their key, whenever they were made, in `calls`, or in `spans`. Its
 * parameters are orgIds and traceIds.
 */
export function callsOfTraces(timeColumn: "start_time" | "call_time"): string {
  return `(org_id, ${timeColumn}, call_id) IN (
    SELECT org_id, start_time, call_id FROM trace_calls
    WHERE org_id IN {orgIds:Array(String)} AND trace_id IN {traceIds:Array(UUID)})`;
}

/**
 * The SELECT that makes rows of `traces` from `calls`, in the columns org_id, trace_id, start_time, end_time,
 * duration_ms, user_id, team_id, server_id, mcp_server, tool_id, tool_name, status, span_count, call_count,
 * total_cost, error_message, version, retention_days.
 *
 * @param condition on the sort key of `calls` and on trace_id, which is the same in all versions of a call
 */
export function traceSql(condition: string): string {
  // FINAL, so that a call stored twice counts once; PREWHERE, so that it merges no others than these. The names and
  // owners are those of the first call. A stage has a span as in the view `spans`.
  return `
    SELECT org_id, trace_id,
      min(call_start) AS trace_start,
      max(call_start + toIntervalMicrosecond(duration_us)) AS trace_end,
      intDiv(dateDiff('microsecond', trace_start, trace_end), 1000) AS trace_ms,
      argMin(user_id, first) AS first_user, argMin(team_id, first) AS first_team,
      argMin(server_id, first) AS first_server, argMin(mcp_server, first) AS first_server_name,
      argMin(tool_id, first) AS first_tool, argMin(tool_name, first) AS first_tool_name,
      multiIf(
        countIf(status = 'error') > 0, 'error',
        countIf(status = 'timeout') > 0, 'timeout',
        countIf(status = 'unknown') > 0, 'unknown',
        'success') AS worst,
      sum(call_spans) AS spans, count() AS calls, sum(cost) AS cost_sum,
      argMinIf(error, first, error != '') AS first_error,
      sum(weight * call_spans) AS weights, max(retention_days) AS days
    FROM (
      SELECT org_id, trace_id, start_time AS call_start, (start_time, span_id) AS first, duration_us, user_id, team_id,
        server_id, mcp_server, tool_id, tool_name, status, cost, if(outcome = 'ok', '', reason_name) AS error,
        1 + if(sampled, arrayCount(outcome -> outcome NOT IN ('', 'not_configured'), stages.outcome), 0) AS call_spans,
        weight, retention_days
      FROM calls FINAL
      PREWHERE ${condition}
    )
    GROUP BY org_id, trace_id`;
}
