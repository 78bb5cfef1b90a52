-- A rule is never changed: a new price is a new row, and the old one gets an end. So the id on a record stands for
-- the price that was charged for as long as the record is kept.
CREATE TABLE price_rules (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  server TEXT NOT NULL,
  tool TEXT NOT NULL,
  per_call_usd_micros BIGINT NOT NULL CHECK (per_call_usd_micros BETWEEN 0 AND 1000000000),
  create_time TIMESTAMPTZ NOT NULL DEFAULT now(),
  end_time TIMESTAMPTZ,
  PRIMARY KEY (org_id, id)
);

CREATE UNIQUE INDEX price_rules_in_force ON price_rules (org_id, server, tool) WHERE end_time IS NULL;
