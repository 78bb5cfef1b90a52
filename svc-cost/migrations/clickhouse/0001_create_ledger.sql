-- The ledger: one row for each call, free and refused ones included. Everything in the sort key is taken from the
-- record itself, so that a record which is stored again is the same row. Ids are text, empty for none.
CREATE TABLE IF NOT EXISTS cost_events (
  event_id UUID COMMENT 'Call id',
  trace_id UUID,
  span_id UInt64,
  org_id LowCardinality(String),
  user_id LowCardinality(String),
  team_id LowCardinality(String),
  project_id LowCardinality(String) DEFAULT '',
  key_id LowCardinality(String),
  server_id LowCardinality(String),
  mcp_server LowCardinality(String) COMMENT 'Name when stored; empty when it was not known then',
  tool_id UInt64 COMMENT '0 for none',
  tool_name LowCardinality(String) COMMENT 'Name when stored; empty when it was not known then',
  timestamp DateTime64(6, 'UTC') COMMENT 'When the request was read',
  operation LowCardinality(String),
  outcome LowCardinality(String),
  reason UInt16,
  http_status UInt16,
  duration_us UInt64,
  request_bytes UInt64,
  response_bytes UInt64,
  input_tokens UInt32,
  output_tokens UInt32,
  cost Decimal64(6),
  currency LowCardinality(String) DEFAULT 'USD',
  price_rule_id UUID COMMENT 'The nil UUID when no rule matched',
  weight UInt8 COMMENT '2: the call was completed. 1: only begun, as far as is known',
  INDEX trace_id_index trace_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(weight)
PARTITION BY toYYYYMM(timestamp)
ORDER BY (org_id, timestamp, event_id)
TTL toDateTime(timestamp) + INTERVAL 365 DAY DELETE;

-- Sums of the ledger by minute, computed anew for each minute that a batch touches.
--
-- The version is the sum of the weights of the group's deduplicated calls. It only grows: with every call that joins
-- the group, and when a completion replaces a call that was only begun. So of two recomputations of a minute that ran
-- at the same time the one that saw more wins, whichever writes last; and one made when calls had already passed
-- their time to live loses against the complete one.
CREATE TABLE IF NOT EXISTS cost_minute (
  org_id LowCardinality(String),
  minute DateTime('UTC'),
  team_id LowCardinality(String),
  user_id LowCardinality(String),
  key_id LowCardinality(String),
  server_id LowCardinality(String),
  tool_id UInt64,
  version UInt64,
  calls UInt64,
  errors UInt64 COMMENT 'Calls whose outcome is not ok',
  cost Decimal64(6),
  input_tokens UInt64,
  output_tokens UInt64,
  durations Array(UInt64) COMMENT 'Calls by duration, see summary/duration-histogram.ts'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(minute)
ORDER BY (org_id, minute, team_id, user_id, key_id, server_id, tool_id)
TTL minute + INTERVAL 365 DAY DELETE;
