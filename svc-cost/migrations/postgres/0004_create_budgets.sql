-- What may be spent in a period by whom. A deleted budget keeps its row, since records name it.
CREATE TABLE budgets (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  name TEXT NOT NULL,
  scope_type TEXT NOT NULL CHECK (scope_type IN ('org', 'team', 'user', 'key', 'project', 'server')),
  -- NULL for the organisation.
  scope_id UUID,
  -- 99999999.99 USD, the most that DECIMAL(10, 2) holds, at most.
  amount_usd_micros BIGINT NOT NULL CHECK (amount_usd_micros BETWEEN 1 AND 99999999990000),
  period TEXT NOT NULL CHECK (period IN ('daily', 'weekly', 'monthly')),
  -- Percentages, rising.
  alert_thresholds INTEGER[] NOT NULL,
  enforce_limit BOOLEAN NOT NULL,
  on_unavailable TEXT NOT NULL CHECK (on_unavailable IN ('refuse', 'allow')),
  create_time TIMESTAMPTZ NOT NULL,
  update_time TIMESTAMPTZ NOT NULL,
  delete_time TIMESTAMPTZ,
  PRIMARY KEY (org_id, id),
  CHECK ((scope_type = 'org') = (scope_id IS NULL))
);
CREATE UNIQUE INDEX budgets_name ON budgets (org_id, name COLLATE "C") WHERE delete_time IS NULL;
CREATE INDEX budgets_enforced ON budgets (org_id, id) WHERE enforce_limit AND delete_time IS NULL;

-- Changes that gateways may not know of yet, as in pending_price_changes.
CREATE TABLE pending_budget_changes (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  -- An Invalidation, see platform/src/invalidation.ts.
  invalidation JSONB NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX pending_budget_changes_age ON pending_budget_changes (created_at);

-- Thresholds that spend has reached, each once in a period, and whether administrators were told.
CREATE TABLE budget_crossings (
  org_id UUID NOT NULL,
  budget_id UUID NOT NULL,
  period_start TIMESTAMPTZ NOT NULL,
  threshold INTEGER NOT NULL,
  -- A BudgetThresholdReached, see platform/src/streams/admin-events.ts.
  event JSONB NOT NULL,
  -- NULL: administrators may not know of it yet.
  told_time TIMESTAMPTZ,
  PRIMARY KEY (org_id, budget_id, period_start, threshold)
);
CREATE INDEX budget_crossings_untold ON budget_crossings (period_start) WHERE told_time IS NULL;
CREATE INDEX budget_crossings_age ON budget_crossings (period_start);
