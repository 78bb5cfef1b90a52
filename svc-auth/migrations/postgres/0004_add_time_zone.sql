-- By whose calendar the organisation's budgets last: IANA names, which are checked before they come here.
ALTER TABLE organizations ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
