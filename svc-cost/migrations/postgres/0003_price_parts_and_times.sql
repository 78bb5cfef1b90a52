-- Prices have parts, an operation and times. A rule of before is of tools/call, has one part, and began when it was made.
--
-- What a rule says never changes. Its end may: it is set when another rule takes its place, or it is deleted, and moved
-- when a rule to come is made or withdrawn. Rules of one server, tool and operation never overlap; one that was
-- withdrawn or replaced before it began ends when it would have begun.
ALTER TABLE price_rules
  ADD COLUMN operation TEXT NOT NULL DEFAULT 'tools/call',
  ADD COLUMN per_kb_in_usd_micros BIGINT NOT NULL DEFAULT 0 CHECK (per_kb_in_usd_micros BETWEEN 0 AND 1000000000),
  ADD COLUMN per_kb_out_usd_micros BIGINT NOT NULL DEFAULT 0 CHECK (per_kb_out_usd_micros BETWEEN 0 AND 1000000000),
  ADD COLUMN per_1k_input_tokens_usd_micros BIGINT NOT NULL DEFAULT 0
    CHECK (per_1k_input_tokens_usd_micros BETWEEN 0 AND 1000000000),
  ADD COLUMN per_1k_output_tokens_usd_micros BIGINT NOT NULL DEFAULT 0
    CHECK (per_1k_output_tokens_usd_micros BETWEEN 0 AND 1000000000),
  ADD COLUMN per_second_usd_micros BIGINT NOT NULL DEFAULT 0 CHECK (per_second_usd_micros BETWEEN 0 AND 1000000000),
  -- 0: the rule has per_call_usd_micros alone, which is its maximum.
  ADD COLUMN max_per_call_usd_micros BIGINT NOT NULL DEFAULT 0
    CHECK (max_per_call_usd_micros BETWEEN 0 AND 1000000000),
  ADD COLUMN honour_reported BOOLEAN NOT NULL DEFAULT false,
  ADD COLUMN effective_time TIMESTAMPTZ NOT NULL DEFAULT now();

UPDATE price_rules SET effective_time = create_time;

ALTER TABLE price_rules ADD CONSTRAINT price_rules_time CHECK (end_time >= effective_time);

-- Of one server, tool and operation one rule at most has no end: the last.
DROP INDEX price_rules_in_force;
CREATE UNIQUE INDEX price_rules_last ON price_rules (org_id, server, tool, operation) WHERE end_time IS NULL;
CREATE INDEX price_rules_by_key
  ON price_rules (org_id, server COLLATE "C", tool COLLATE "C", operation COLLATE "C", id);
