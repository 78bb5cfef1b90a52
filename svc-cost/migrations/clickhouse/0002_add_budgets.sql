-- What enforcing budgets needs of the ledger: which budget refused a call, and which worker's log a call was recorded in.
ALTER TABLE cost_events
  ADD COLUMN IF NOT EXISTS budget_id UUID COMMENT 'Budget that refused the call, or would have; the nil UUID for none' AFTER price_rule_id,
  ADD COLUMN IF NOT EXISTS log_id UUID COMMENT 'Write-ahead log of the gateway that the call was recorded in' AFTER budget_id;
