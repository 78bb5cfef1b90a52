-- Each row says for how many days it is kept: what its organisation wanted when the call was stored. Rows of before are
-- kept for 90 days, as they were.
ALTER TABLE calls ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 90 COMMENT 'Days from start_time';
ALTER TABLE trace_calls ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 90 COMMENT 'Days from start_time';
ALTER TABLE traces ADD COLUMN IF NOT EXISTS retention_days UInt16 DEFAULT 90
  COMMENT 'Days from start_time: the most of its calls';

-- When the row was stored, by the clock of the server. Rows of before get the time of their call, written for good before
-- the default becomes the present time.
ALTER TABLE calls ADD COLUMN IF NOT EXISTS stored_time DateTime64(3, 'UTC') DEFAULT start_time;
ALTER TABLE calls MATERIALIZE COLUMN stored_time SETTINGS mutations_sync = 2;
ALTER TABLE calls MODIFY COLUMN stored_time DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC');
ALTER TABLE trace_calls ADD COLUMN IF NOT EXISTS stored_time DateTime64(3, 'UTC') DEFAULT start_time;
ALTER TABLE trace_calls MATERIALIZE COLUMN stored_time SETTINGS mutations_sync = 2;
ALTER TABLE trace_calls MODIFY COLUMN stored_time DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC');

-- Whoever follows new calls reads only the granules that were stored lately.
ALTER TABLE calls ADD INDEX IF NOT EXISTS stored_time_index stored_time TYPE minmax GRANULARITY 1;

ALTER TABLE calls_to_trace_calls
  MODIFY QUERY SELECT org_id, trace_id, start_time, call_id, retention_days, stored_time FROM calls;

-- Parts of before are not rewritten: what they hold expires as it would have.
ALTER TABLE calls MODIFY TTL toDateTime(start_time) + toIntervalDay(retention_days)
  SETTINGS materialize_ttl_after_modify = 0;
ALTER TABLE trace_calls MODIFY TTL toDateTime(start_time) + toIntervalDay(retention_days)
  SETTINGS materialize_ttl_after_modify = 0;
ALTER TABLE traces MODIFY TTL toDateTime(start_time) + toIntervalDay(retention_days)
  SETTINGS materialize_ttl_after_modify = 0;
