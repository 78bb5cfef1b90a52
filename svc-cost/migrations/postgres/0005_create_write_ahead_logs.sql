-- Write-ahead logs of gateways, see src/walls/log-registry.ts. Ids are 16 bytes.
CREATE TABLE write_ahead_logs (
  log_id BYTEA PRIMARY KEY,
  directory_id BYTEA NOT NULL,
  open_time TIMESTAMPTZ NOT NULL,
  -- NULL: calls of it may not be in the ledger yet.
  close_time TIMESTAMPTZ
);
CREATE INDEX write_ahead_logs_open ON write_ahead_logs (directory_id) WHERE close_time IS NULL;
CREATE INDEX write_ahead_logs_closed ON write_ahead_logs (close_time) WHERE close_time IS NOT NULL;

-- When a gateway last said which logs it has.
CREATE TABLE log_directories (
  directory_id BYTEA PRIMARY KEY,
  report_time TIMESTAMPTZ NOT NULL
);
