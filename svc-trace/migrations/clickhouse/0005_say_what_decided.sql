-- Whose rule a stage went by: "key", "team", "org", empty where that is not said.
ALTER TABLE calls ADD COLUMN IF NOT EXISTS `stages.rule_owner` Array(LowCardinality(String)) AFTER `stages.duration_us`;

-- The stage that writes the intent has a number, the call to the MCP server says what it called as a client's span does,
-- and stages say why they failed and by whose rule.

-- The span of each call, and where it was sampled one for each stage that did something. Stages run one after the other,
-- so each begins where the one before ended. The id of a stage's span is the first 8 bytes, big-endian, of SHA-256(call
-- id in 16 bytes || number of the stage in one byte), and never 0.
--
-- Attributes are named as OpenTelemetry's conventions for MCP do where they have a name, else under `gatewayops.`. Its
-- values of error.type are "tool_error" and the JSON-RPC code; errors that a client made itself (-32700 and -32600 to
-- -32602) are no errors of the server's span, which is that of the call. The client's span is that of the stage upstream.
CREATE OR REPLACE VIEW spans AS
SELECT
  org_id,
  trace_id,
  call_time + toIntervalMicrosecond(offset_us) AS start_time,
  if(is_call, call_span_id, greatest(1, reinterpretAsUInt64(reverse(substring(SHA256(concat(
    UUIDStringToNum(toString(call_id)), char(stage_number))), 1, 8))))) AS span_id,
  if(is_call, call_parent_id, call_span_id) AS parent_span_id,
  call_id,
  call_time,
  multiIf(is_call, 'gateway.request', stage = 'authenticate', 'gateway.auth', is_upstream, 'gateway.mcp_proxy',
    concat('gateway.', stage)) AS operation,
  if(is_call, call_team_id, '') AS team_id,
  if(is_call, call_user_id, '') AS user_id,
  if(is_call OR is_upstream, call_server_id, '') AS server_id,
  if(is_call OR is_upstream, call_mcp_server, '') AS mcp_server,
  if(is_call OR is_upstream, call_tool_id, 0) AS tool_id,
  if(is_call OR is_upstream, call_tool_name, '') AS tool_name,
  span_us AS duration_us,
  call_time + toIntervalMicrosecond(offset_us + span_us) AS end_time,
  intDiv(span_us, 1000) AS duration_ms,
  CAST(multiIf(is_call, toString(call_status), stage_outcome IN ('passed', 'degraded', 'observed'), 'success',
    is_upstream AND call_status = 'timeout', 'timeout', 'error'),
    'Enum8(''success'' = 1, ''error'' = 2, ''timeout'' = 3, ''unknown'' = 4)') AS status,
  if(is_call OR is_upstream, call_request_size, 0) AS request_size,
  if(is_call OR is_upstream, call_response_size, 0) AS response_size,
  if(is_call, call_cost, toDecimal64(0, 6)) AS cost,
  if(status = 'success', '', error) AS error_message,
  mapFilter((name, value) -> value != '', if(is_call OR is_upstream,
    map(
      'mcp.method.name', toString(method),
      'gen_ai.operation.name', if(method = 'tools/call', 'execute_tool', ''),
      'gen_ai.tool.name', if(method = 'tools/call', toString(call_tool_name), ''),
      'error.type', multiIf(outcome = 'ok' OR status = 'success', '', outcome != 'rpc_error', toString(outcome),
        is_call AND rpc_code IN (-32700, -32600, -32601, -32602), '', toString(rpc_code)),
      'rpc.response.status_code', if(rpc_code = 0, '', toString(rpc_code)),
      'network.transport', if(is_call, 'tcp', ''),
      'network.protocol.name', if(is_call, 'http', ''),
      'http.response.status_code', if(http_status = 0 OR is_upstream, '', toString(http_status)),
      'gatewayops.request.id', if(is_call, concat('req_', replaceAll(toString(call_id), '-', '')), ''),
      'gatewayops.outcome', if(is_call, toString(outcome), ''),
      'gatewayops.cost.usd', if(is_call, toDecimalString(call_cost, 6), ''),
      'gatewayops.price_rule.id', if(is_call AND price_rule_id != toUUID('00000000-0000-0000-0000-000000000000'),
        toString(price_rule_id), ''),
      'gatewayops.attempts', toString(attempts),
      'gatewayops.face', if(is_call, toString(face), ''),
      'gatewayops.reason', if(is_call OR status != 'success', toString(reason_name), ''),
      'gatewayops.key.id', if(is_call, toString(key_id), ''),
      'gatewayops.stage.outcome', if(stage_outcome = 'passed', '', stage_outcome)
    ),
    map(
      'error.type', if(status = 'success', '', toString(outcome)),
      'gatewayops.reason', if(status = 'success', '', toString(reason_name)),
      'gatewayops.rule', rule_owner,
      'gatewayops.stage.outcome', if(stage_outcome = 'passed', '', stage_outcome)
    ))) AS attributes,
  weight
FROM (
  SELECT
    org_id, trace_id, call_id, start_time AS call_time, span_id AS call_span_id, parent_span_id AS call_parent_id,
    team_id AS call_team_id, user_id AS call_user_id, server_id AS call_server_id, mcp_server AS call_mcp_server,
    tool_id AS call_tool_id, tool_name AS call_tool_name, status AS call_status, request_size AS call_request_size,
    response_size AS call_response_size, cost AS call_cost, key_id, method, face, outcome, reason_name, rpc_code,
    http_status, attempts, price_rule_id, if(outcome = 'ok', '', reason_name) AS error, weight,
    span.1 AS is_call, span.2 AS stage, stage = 'upstream' AS is_upstream, span.3 AS stage_outcome,
    span.4 AS offset_us, span.5 AS span_us, span.6 AS rule_owner,
    indexOf(['authenticate', 'route', 'authorize', 'rate_limit', 'budget', 'upstream', 'price', 'validate', 'pin', 'log'],
      stage) AS known_stage,
    if(known_stage > 0, known_stage, toUInt8OrZero(substring(stage, 7))) AS stage_number
  FROM calls FINAL
  ARRAY JOIN arrayConcat(
    [(true, '', '', toUInt64(0), duration_us, '')],
    arrayFilter(
      ran -> sampled AND ran.3 NOT IN ('', 'not_configured'),
      arrayMap(
        (name, outcome, us, end_us, owner) ->
          (false, toString(name), toString(outcome), toUInt64(end_us - us), toUInt64(us), toString(owner)),
        stages.name, stages.outcome, stages.duration_us, arrayCumSum(stages.duration_us), stages.rule_owner))) AS span
);
