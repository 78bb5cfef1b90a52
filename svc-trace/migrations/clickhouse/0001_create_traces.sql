-- The record of each call, in order of time. Everything in the sort key is taken from the record itself, so that a
-- record which is stored again is the same row. Ids are text, empty for none.
CREATE TABLE IF NOT EXISTS calls (
  org_id LowCardinality(String),
  start_time DateTime64(6, 'UTC') COMMENT 'When the request was read',
  call_id UUID,
  trace_id UUID,
  span_id UInt64,
  parent_span_id UInt64 COMMENT '0 for none',
  team_id LowCardinality(String),
  user_id LowCardinality(String),
  key_id LowCardinality(String),
  server_id LowCardinality(String),
  mcp_server LowCardinality(String) COMMENT 'Name when stored; empty when it was not known then',
  tool_id UInt64 COMMENT '0 for none',
  tool_name LowCardinality(String) COMMENT 'Name when stored; empty when it was not known then',
  method LowCardinality(String),
  face LowCardinality(String),
  status Enum8('success' = 1, 'error' = 2, 'timeout' = 3, 'unknown' = 4),
  outcome LowCardinality(String),
  reason UInt16 COMMENT 'Number in platform/errors; 0 for none',
  http_status UInt16,
  rpc_code Int32 COMMENT '0 for none',
  duration_us UInt64,
  request_size UInt32,
  response_size UInt64,
  attempts UInt32,
  cost Decimal64(6),
  reserved Decimal64(6),
  price_rule_id UUID COMMENT 'The nil UUID when no rule matched',
  input_tokens UInt32,
  output_tokens UInt32,
  sampled Bool,
  stages Nested(name LowCardinality(String), outcome LowCardinality(String), duration_us UInt32),
  weight UInt8 COMMENT '2: the call was completed. 1: only begun, as far as is known',
  INDEX call_id_index call_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(weight)
PARTITION BY toYYYYMM(start_time)
ORDER BY (org_id, start_time, call_id)
TTL toDateTime(start_time) + INTERVAL 90 DAY DELETE;

-- The spans of each trace. Granules are small because spans are always read by trace id, many traces at once.
CREATE TABLE IF NOT EXISTS spans (
  org_id LowCardinality(String),
  trace_id UUID COMMENT 'The 16 bytes of the W3C trace id',
  start_time DateTime64(6, 'UTC'),
  span_id UInt64 COMMENT 'The 8 bytes of the W3C span id, big-endian',
  parent_span_id UInt64 COMMENT '0 for none',
  call_id UUID,
  operation LowCardinality(String),
  team_id LowCardinality(String),
  user_id LowCardinality(String),
  server_id LowCardinality(String),
  mcp_server LowCardinality(String),
  tool_id UInt64,
  tool_name LowCardinality(String),
  duration_us UInt64,
  end_time DateTime64(6, 'UTC') ALIAS start_time + toIntervalMicrosecond(duration_us),
  duration_ms UInt64 ALIAS intDiv(duration_us, 1000),
  status Enum8('success' = 1, 'error' = 2, 'timeout' = 3, 'unknown' = 4),
  request_size UInt32,
  response_size UInt64,
  cost Decimal64(6) COMMENT 'Only on the span of the call, 0 on those of its stages',
  error_message LowCardinality(String) COMMENT 'Name of the reason; empty when it succeeded',
  attributes Map(LowCardinality(String), String),
  weight UInt8
)
ENGINE = ReplacingMergeTree(weight)
PARTITION BY toYYYYMM(start_time)
ORDER BY (org_id, trace_id, start_time, span_id)
TTL toDateTime(start_time) + INTERVAL 30 DAY DELETE
SETTINGS index_granularity = 512;

-- Traces in order of time: the list of them, computed anew from their spans whenever one of their calls is stored.
--
-- The version is the sum of the weights of the trace's deduplicated spans, which only grows; so of two recomputations
-- that ran at the same time the one that saw more wins. When a call arrives that began before all known ones, the
-- trace gets a row with the new start time, and the one with the later start stays. Readers leave such a row out by
-- asking the spans for the true start.
CREATE TABLE IF NOT EXISTS traces (
  org_id LowCardinality(String),
  start_time DateTime64(6, 'UTC'),
  trace_id UUID,
  user_id LowCardinality(String),
  team_id LowCardinality(String),
  agent_name LowCardinality(String) DEFAULT '',
  environment LowCardinality(String) DEFAULT '',
  server_id LowCardinality(String),
  mcp_server LowCardinality(String),
  tool_id UInt64,
  tool_name LowCardinality(String),
  end_time DateTime64(6, 'UTC'),
  duration_ms UInt64,
  status Enum8('success' = 1, 'error' = 2, 'timeout' = 3, 'unknown' = 4),
  span_count UInt32,
  call_count UInt32,
  total_cost Decimal64(6),
  error_message LowCardinality(String),
  tags Map(String, String),
  version UInt64,
  INDEX trace_id_index trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(start_time)
ORDER BY (org_id, start_time, trace_id)
TTL toDateTime(start_time) + INTERVAL 90 DAY DELETE;
