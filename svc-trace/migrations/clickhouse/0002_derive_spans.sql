-- The name of a call's reason is stored with the call. Calls of before get the names that there were then.
ALTER TABLE calls
  ADD COLUMN IF NOT EXISTS reason_name LowCardinality(String) DEFAULT transform(
    reason,
    [1, 2, 3, 4, 6, 7, 8, 9, 20, 21, 22, 23, 24, 25, 26, 27, 28, 40, 41, 42, 43, 44, 45, 46, 60, 61, 62, 63, 80, 81, 82,
      83, 84, 85, 86, 87, 88, 100, 101, 102, 120],
    ['REQUEST_INVALID', 'REQUEST_MALFORMED', 'BODY_TOO_LARGE', 'CONTENT_TYPE_UNSUPPORTED', 'METHOD_NOT_ALLOWED',
      'HEADERS_TOO_LARGE', 'REQUEST_TIMEOUT', 'ORIGIN_FORBIDDEN', 'CREDENTIALS_MISSING', 'KEY_INVALID', 'KEY_REVOKED',
      'KEY_EXPIRED', 'SESSION_INVALID', 'SIGN_IN_FAILED', 'SIGN_IN_THROTTLED', 'PERMISSION_DENIED',
      'AUTH_UNAVAILABLE', 'NOT_FOUND', 'SERVER_UNKNOWN', 'SERVER_DISABLED', 'SCOPE_DENIED', 'SESSION_UNKNOWN',
      'ALREADY_EXISTS', 'CONFLICT', 'RATE_LIMITED', 'OVERLOADED', 'RECORD_UNAVAILABLE', 'STORE_UNAVAILABLE',
      'UPSTREAM_UNREACHABLE', 'UPSTREAM_TIMEOUT', 'UPSTREAM_CLOSED', 'UPSTREAM_NOT_MCP', 'UPSTREAM_CIRCUIT_OPEN',
      'UPSTREAM_HTTP_ERROR', 'UPSTREAM_TOO_LARGE', 'UPSTREAM_RPC_ERROR', 'TOOL_FAILED', 'CLIENT_GONE', 'WORKER_LOST',
      'METHOD_UNKNOWN', 'INTERNAL'],
    '')
  COMMENT 'Name of the reason in platform/errors; empty for none' AFTER reason;

-- The calls of each trace, by their keys in `calls`. Granules are small because many traces are looked up at once.
CREATE TABLE IF NOT EXISTS trace_calls (
  org_id LowCardinality(String),
  trace_id UUID,
  start_time DateTime64(6, 'UTC'),
  call_id UUID
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(start_time)
ORDER BY (org_id, trace_id, start_time, call_id)
TTL toDateTime(start_time) + INTERVAL 90 DAY DELETE
SETTINGS index_granularity = 512;

-- Row by row: a call that is stored again is the same row here too.
CREATE MATERIALIZED VIEW IF NOT EXISTS calls_to_trace_calls TO trace_calls AS
SELECT org_id, trace_id, start_time, call_id FROM calls;

INSERT INTO trace_calls (org_id, trace_id, start_time, call_id)
SELECT org_id, trace_id, start_time, call_id FROM calls;

-- About seven spans were stored for each call, and all they say is in its row of `calls`, which lives longer. They are
-- made of it when they are asked for.
DROP TABLE IF EXISTS spans SETTINGS max_table_size_to_drop = 0;

-- The span of each call, and where it was sampled one for each stage that did something. Stages run one after the other,
-- so each begins where the one before ended. The id of a stage's span is the first 8 bytes, big-endian, of SHA-256(call
-- id in 16 bytes || number of the stage in one byte), and never 0.
--
-- Attributes are named as OpenTelemetry's conventions for MCP do where they have a name, else under `gatewayops.`. Its
-- values of error.type are "tool_error" and the JSON-RPC code; errors that a client made itself (-32700 and -32600 to
-- -32602) are no errors of the server's span.
CREATE VIEW IF NOT EXISTS spans AS
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
  CAST(multiIf(is_call, toString(call_status), stage_outcome IN ('passed', 'degraded'), 'success',
    is_upstream AND call_status = 'timeout', 'timeout', 'error'),
    'Enum8(''success'' = 1, ''error'' = 2, ''timeout'' = 3, ''unknown'' = 4)') AS status,
  if(is_call OR is_upstream, call_request_size, 0) AS request_size,
  if(is_call OR is_upstream, call_response_size, 0) AS response_size,
  if(is_call, call_cost, toDecimal64(0, 6)) AS cost,
  if(status = 'success', '', error) AS error_message,
  mapFilter((name, value) -> if(is_call, value != '', name = 'gatewayops.stage.outcome' AND stage_outcome != 'passed'),
    map(
      'mcp.method.name', toString(method),
      'gen_ai.operation.name', if(method = 'tools/call', 'execute_tool', ''),
      'gen_ai.tool.name', if(method = 'tools/call', toString(call_tool_name), ''),
      'error.type', multiIf(outcome = 'ok', '', outcome != 'rpc_error', toString(outcome),
        rpc_code IN (-32700, -32600, -32601, -32602), '', toString(rpc_code)),
      'rpc.response.status_code', if(rpc_code = 0, '', toString(rpc_code)),
      'http.response.status_code', if(http_status = 0, '', toString(http_status)),
      'gatewayops.request.id', concat('req_', replaceAll(toString(call_id), '-', '')),
      'gatewayops.outcome', toString(outcome),
      'gatewayops.cost.usd', toDecimalString(call_cost, 6),
      'gatewayops.attempts', toString(attempts),
      'gatewayops.face', toString(face),
      'gatewayops.reason', toString(reason_name),
      'gatewayops.key.id', toString(key_id),
      'gatewayops.stage.outcome', stage_outcome
    )) AS attributes,
  weight
FROM (
  SELECT
    org_id, trace_id, call_id, start_time AS call_time, span_id AS call_span_id, parent_span_id AS call_parent_id,
    team_id AS call_team_id, user_id AS call_user_id, server_id AS call_server_id, mcp_server AS call_mcp_server,
    tool_id AS call_tool_id, tool_name AS call_tool_name, status AS call_status, request_size AS call_request_size,
    response_size AS call_response_size, cost AS call_cost, key_id, method, face, outcome, reason_name, rpc_code,
    http_status, attempts, if(outcome = 'ok', '', reason_name) AS error, weight,
    span.1 AS is_call, span.2 AS stage, stage = 'upstream' AS is_upstream, span.3 AS stage_outcome,
    span.4 AS offset_us, span.5 AS span_us,
    indexOf(['authenticate', 'route', 'authorize', 'rate_limit', 'budget', 'upstream', 'price'], stage) AS known_stage,
    if(known_stage > 0, known_stage, toUInt8OrZero(substring(stage, 7))) AS stage_number
  FROM calls FINAL
  ARRAY JOIN arrayConcat(
    [(true, '', '', toUInt64(0), duration_us)],
    arrayFilter(
      ran -> sampled AND ran.3 NOT IN ('', 'not_configured'),
      arrayMap(
        (name, outcome, us, end_us) -> (false, toString(name), toString(outcome), toUInt64(end_us - us), toUInt64(us)),
        stages.name, stages.outcome, stages.duration_us, arrayCumSum(stages.duration_us)))) AS span
);
