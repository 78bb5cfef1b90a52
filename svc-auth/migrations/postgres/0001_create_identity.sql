-- Organisations, people, keys, servers and the changes that gateways must still be told of.
--
-- Every row belongs to one organisation: org_id leads every primary key, and foreign keys include it, so that no row
-- can point into another organisation. Ids and times are given by the service; ids are UUIDs of version 7, which
-- sort by age.

CREATE TABLE organizations (
  id UUID PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  plan TEXT NOT NULL DEFAULT 'free',
  settings JSONB NOT NULL DEFAULT '{}',
  -- Calls per second over all keys. 0: no limit.
  rate_rps INTEGER NOT NULL DEFAULT 0 CHECK (rate_rps >= 0),
  rate_burst INTEGER NOT NULL DEFAULT 0 CHECK (rate_burst >= 0),
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL
);
CREATE UNIQUE INDEX organizations_slug ON organizations (slug);

CREATE TABLE teams (
  org_id UUID NOT NULL REFERENCES organizations (id),
  id UUID NOT NULL,
  name TEXT NOT NULL,
  slug TEXT NOT NULL,
  settings JSONB NOT NULL DEFAULT '{}',
  rate_rps INTEGER NOT NULL DEFAULT 0 CHECK (rate_rps >= 0),
  rate_burst INTEGER NOT NULL DEFAULT 0 CHECK (rate_burst >= 0),
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX teams_slug ON teams (org_id, slug);
-- The order of lists is that of the bytes, whatever the database's locale, so that cursors agree with the service.
CREATE INDEX teams_name ON teams (org_id, name COLLATE "C", id);

CREATE TABLE users (
  org_id UUID NOT NULL REFERENCES organizations (id),
  id UUID NOT NULL,
  -- In lower case.
  email TEXT NOT NULL CHECK (email = lower(email)),
  name TEXT NOT NULL DEFAULT '',
  role TEXT NOT NULL,
  sso_provider TEXT,
  sso_id TEXT,
  settings JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL,
  last_login_at TIMESTAMPTZ,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX users_email ON users (org_id, email COLLATE "C");
-- Sign-in knows the address but not the organisation.
CREATE INDEX users_email_anywhere ON users (email);

-- Apart from users, so that reading a person never reads the hash.
CREATE TABLE user_credentials (
  org_id UUID NOT NULL,
  user_id UUID NOT NULL,
  -- argon2id in PHC string format.
  password_hash TEXT NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (org_id, user_id),
  FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE
);

CREATE TABLE team_memberships (
  org_id UUID NOT NULL,
  user_id UUID NOT NULL,
  team_id UUID NOT NULL,
  role TEXT NOT NULL DEFAULT 'member',
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (org_id, user_id, team_id),
  FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id) ON DELETE CASCADE,
  FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id) ON DELETE CASCADE
);
CREATE INDEX team_memberships_team ON team_memberships (org_id, team_id);

CREATE TABLE api_keys (
  org_id UUID NOT NULL REFERENCES organizations (id),
  id UUID NOT NULL,
  user_id UUID,
  team_id UUID,
  name TEXT NOT NULL,
  environment TEXT NOT NULL,
  key_prefix TEXT NOT NULL,
  -- The key's own CRC-32: a forged key with a known prefix is refused without bcrypt.
  key_checksum TEXT NOT NULL,
  -- bcrypt, cost 12.
  key_hash TEXT NOT NULL,
  scopes JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ,
  last_used_at TIMESTAMPTZ,
  revoked_at TIMESTAMPTZ,
  PRIMARY KEY (org_id, id),
  FOREIGN KEY (org_id, user_id) REFERENCES users (org_id, id),
  FOREIGN KEY (org_id, team_id) REFERENCES teams (org_id, id)
);
-- Across organisations: a key says which one it belongs to only by being found. Together about 80 bits.
CREATE UNIQUE INDEX api_keys_prefix ON api_keys (key_prefix, key_checksum);
CREATE INDEX api_keys_owner ON api_keys (org_id, user_id, id);

CREATE TABLE mcp_servers (
  org_id UUID NOT NULL REFERENCES organizations (id),
  id UUID NOT NULL,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  auth_type TEXT,
  auth_config JSONB,
  timeout_ms INTEGER NOT NULL DEFAULT 0 CHECK (timeout_ms BETWEEN 0 AND 600000),
  enabled BOOLEAN NOT NULL DEFAULT true,
  created_at TIMESTAMPTZ NOT NULL,
  updated_at TIMESTAMPTZ NOT NULL,
  -- A removed server keeps its row: its calls stay in the books and must be readable.
  deleted_at TIMESTAMPTZ,
  PRIMARY KEY (org_id, id)
);
CREATE UNIQUE INDEX mcp_servers_name ON mcp_servers (org_id, name COLLATE "C") WHERE deleted_at IS NULL;

CREATE TABLE mcp_tools (
  org_id UUID NOT NULL,
  -- 8 bytes, see toolIdOf.
  tool_id BYTEA NOT NULL CHECK (octet_length(tool_id) = 8),
  server_id UUID NOT NULL,
  name TEXT NOT NULL,
  PRIMARY KEY (org_id, tool_id),
  FOREIGN KEY (org_id, server_id) REFERENCES mcp_servers (org_id, id) ON DELETE CASCADE
);
CREATE INDEX mcp_tools_server ON mcp_tools (org_id, server_id, name COLLATE "C");

-- Written in the transaction of the change, removed when Redis has it: a change is not lost when the process is killed
-- or Redis is away in between.
CREATE TABLE pending_changes (
  org_id UUID NOT NULL,
  id UUID NOT NULL,
  -- An Invalidation, see platform/src/invalidation.ts.
  invalidation JSONB NOT NULL,
  -- Prefix of the key whose cached answers end. Null: not a change of a key.
  key_prefix TEXT,
  created_at TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (org_id, id)
);
CREATE INDEX pending_changes_age ON pending_changes (created_at);
