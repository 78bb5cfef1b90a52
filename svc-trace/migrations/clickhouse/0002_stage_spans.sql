-- Spans of stages are no longer rows of their own: they are read from the call's row, and their number is kept here.
-- Those that were stored before stay until their time to live has passed, and are counted as rows.
ALTER TABLE spans ADD COLUMN IF NOT EXISTS stage_spans UInt8 COMMENT 'Spans of the call''s stages, which are no rows';
