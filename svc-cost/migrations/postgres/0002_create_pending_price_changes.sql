-- Written in the transaction of the change, removed when Redis has it: a change is not lost when the process is killed
-- or Redis is away in between. svc-auth has a table of its own for its changes.
CREATE TABLE pending_price_changes (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  -- An Invalidation, see platform/src/invalidation.ts.
  invalidation JSONB NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX pending_price_changes_age ON pending_price_changes (created_at);
