-- Scopes of teams, modes that only observe, switches of keys and tools, settings of servers, definitions of tools.

ALTER TABLE organizations
  ADD COLUMN rate_mode TEXT NOT NULL DEFAULT 'enforce' CHECK (rate_mode IN ('enforce', 'observe')),
  ADD COLUMN list_mode TEXT NOT NULL DEFAULT 'lenient'
    CHECK (list_mode IN ('strict', 'lenient', 'last_known_good'));

ALTER TABLE teams
  ADD COLUMN rate_mode TEXT NOT NULL DEFAULT 'enforce' CHECK (rate_mode IN ('enforce', 'observe')),
  -- Null: the team restricts nothing.
  ADD COLUMN scopes JSONB;

ALTER TABLE api_keys ADD COLUMN suspended_at TIMESTAMPTZ;
-- A team's or organisation's change ends the cached answers about its keys.
CREATE INDEX api_keys_team ON api_keys (org_id, team_id, id);

ALTER TABLE mcp_servers ADD COLUMN settings JSONB NOT NULL DEFAULT '{}';

ALTER TABLE mcp_tools
  ADD COLUMN enabled BOOLEAN NOT NULL DEFAULT true,
  -- SHA-256 of the present definition. Null: it is not known.
  ADD COLUMN definition_hash BYTEA CHECK (octet_length(definition_hash) = 32),
  -- Null: the present definition is the first that is known.
  ADD COLUMN definition_changed_at TIMESTAMPTZ;

CREATE TABLE mcp_tool_definitions (
  org_id UUID NOT NULL,
  tool_id BYTEA NOT NULL,
  hash BYTEA NOT NULL CHECK (octet_length(hash) = 32),
  -- JSON as the server sent it. Empty: too long to be kept.
  definition TEXT NOT NULL,
  first_seen_at TIMESTAMPTZ NOT NULL,
  last_seen_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (org_id, tool_id, hash),
  FOREIGN KEY (org_id, tool_id) REFERENCES mcp_tools (org_id, tool_id) ON DELETE CASCADE
);
CREATE INDEX mcp_tool_definitions_seen ON mcp_tool_definitions (org_id, tool_id, last_seen_at DESC, hash DESC);

-- JSON array of AdminEvent, see platform/src/streams/admin-events.ts. Null: administrators are told nothing.
ALTER TABLE pending_changes ADD COLUMN admin_events TEXT;
