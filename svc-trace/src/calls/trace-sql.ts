/**
 * The SELECT that makes rows of `traces` from `spans`, in the columns org_id, trace_id, start_time, end_time,
 * duration_ms, user_id, team_id, server_id, mcp_server, tool_id, tool_name, status, span_count, call_count,
 * total_cost, error_message, version.
 *
 * @param condition on org_id and trace_id, the beginning of the sort key of `spans`
 */
export function traceSql(condition: string): string {
  // FINAL, so that a span stored twice counts once. The names and owners are those of the first call.
  return `
    SELECT org_id, trace_id,
      min(span_start) AS trace_start,
      max(span_start + toIntervalMicrosecond(duration_us)) AS trace_end,
      intDiv(dateDiff('microsecond', trace_start, trace_end), 1000) AS trace_ms,
      argMinIf(user_id, first, is_call) AS first_user, argMinIf(team_id, first, is_call) AS first_team,
      argMinIf(server_id, first, is_call) AS first_server, argMinIf(mcp_server, first, is_call) AS first_server_name,
      argMinIf(tool_id, first, is_call) AS first_tool, argMinIf(tool_name, first, is_call) AS first_tool_name,
      multiIf(
        countIf(is_call AND status = 'error') > 0, 'error',
        countIf(is_call AND status = 'timeout') > 0, 'timeout',
        countIf(is_call AND status = 'unknown') > 0, 'unknown',
        'success') AS worst,
      count() AS spans, countIf(is_call) AS calls, sumIf(cost, is_call) AS cost_sum,
      argMinIf(error_message, first, is_call AND error_message != '') AS first_error,
      sum(weight) AS weights
    FROM (
      SELECT org_id, trace_id, start_time AS span_start, (start_time, span_id) AS first,
        operation = 'gateway.request' AS is_call, duration_us, user_id, team_id, server_id, mcp_server, tool_id,
        tool_name, status, cost, error_message, weight
      FROM spans FINAL
      WHERE ${condition}
    )
    GROUP BY org_id, trace_id`;
}
