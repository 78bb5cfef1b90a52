import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { insertChange } from "@gatewayops/platform/changes/change-store.postgres";
import { Failure } from "@gatewayops/platform/errors";
import { CHANGE_TABLE } from "../changes/change-table.ts";
import {
  violatedConstraint,
  type Database,
  type Sql,
} from "@gatewayops/platform/postgres/database";
import { pageOf } from "../page.ts";
import type { RateLimit } from "../people/organization.ts";
import { NO_ACCESS, type AccessScopes } from "../access/access-scopes.ts";
import type { PolicyMode } from "../access/policy-mode.ts";
import { NO_KEY_SCOPES, type ApiKey, type KeyScopes } from "./api-key.ts";
import { changeOfKey, type ChangedKey, type KeyStore } from "./key-store.ts";

export function createPostgresKeyStore(database: Database): KeyStore {
  return {
    async create(orgId, { key, hash, checksum }) {
      try {
        await database.query(
          "key create",
          `INSERT INTO api_keys (org_id, id, user_id, team_id, name, environment, key_prefix, key_checksum, key_hash,
             scopes, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
          [
            orgId,
            key.id,
            key.userId ?? null,
            key.teamId ?? null,
            key.name,
            key.environment,
            key.prefix,
            checksum,
            hash,
            JSON.stringify(key.scopes),
            key.createTime,
            key.expireTime ?? null,
          ],
        );
      } catch (error) {
        throw creationFailure(violatedConstraint(error)) ?? error;
      }
      return key;
    },
    async get(orgId, keyId) {
      const [row] = await database.query<KeyRow>(
        "key get",
        `SELECT ${COLUMNS} FROM api_keys k WHERE k.org_id = $1 AND k.id = $2`,
        [orgId, keyId],
      );
      return row && keyFrom(row);
    },
    async list(orgId, { ownerId, page }) {
      const rows = await database.query<KeyRow>(
        "keys list",
        `SELECT ${COLUMNS} FROM api_keys k
         WHERE k.org_id = $1 AND ($2::uuid IS NULL OR k.user_id = $2)
           AND ($3::uuid IS NULL OR k.id < $3)
         ORDER BY k.id DESC LIMIT $4`,
        [orgId, ownerId ?? null, page.after?.[0] ?? null, page.limit + 1],
      );
      return pageOf(rows.map(keyFrom), page.limit, (key) => [key.id]);
    },
    revoke: (orgId, keyId, stamp) =>
      changed(orgId, keyId, stamp, (sql) =>
        sql.query<KeyRow>(
          "key revoke",
          `UPDATE api_keys k SET revoked_at = $3
           WHERE k.org_id = $1 AND k.id = $2 AND k.revoked_at IS NULL RETURNING ${COLUMNS}`,
          [orgId, keyId, stamp.time],
        ),
      ),
    update: (orgId, keyId, { name, scopes, suspended }, stamp) =>
      changed(orgId, keyId, stamp, (sql) =>
        sql.query<KeyRow>(
          "key update",
          `UPDATE api_keys k SET name = COALESCE($3, k.name), scopes = COALESCE($4, k.scopes),
             suspended_at = CASE
               WHEN COALESCE($5, k.suspended_at IS NOT NULL) THEN COALESCE(k.suspended_at, $6) END
           WHERE k.org_id = $1 AND k.id = $2
             AND (k.name <> $3 OR k.scopes <> $4::jsonb OR (k.suspended_at IS NOT NULL) <> $5::boolean)
           RETURNING ${COLUMNS}`,
          [
            orgId,
            keyId,
            name ?? null,
            scopes === undefined ? null : JSON.stringify(scopes),
            suspended ?? null,
            stamp.time,
          ],
        ),
      ),
    prefixes: (orgId, { teamId, after, limit }) =>
      database.query<{ id: string; prefix: string }>(
        "key prefixes",
        `SELECT k.id, k.key_prefix AS prefix FROM api_keys k
         WHERE k.org_id = $1 AND k.revoked_at IS NULL AND ($2::uuid IS NULL OR k.team_id = $2)
           AND ($3::uuid IS NULL OR k.id > $3)
         ORDER BY k.id LIMIT $4`,
        [orgId, teamId ?? null, after ?? null, limit],
      ),
    async recordUses(uses) {
      // Sorted, so that two services that write the same keys cannot wait for each other.
      const sorted = [...uses].sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
      await database.query(
        "key uses record",
        `UPDATE api_keys k SET last_used_at = u.used_at
         FROM (SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS t (org_id, id, used_at)) u
         WHERE k.org_id = u.org_id AND k.id = u.id
           AND (k.last_used_at IS NULL OR k.last_used_at < u.used_at)`,
        [
          sorted.map((use) => use.orgId),
          sorted.map((use) => use.keyId),
          sorted.map((use) => use.time),
        ],
      );
    },
    async findByPrefix(prefix, checksum) {
      const [row] = await database.query<KeyRow & PrincipalRow>(
        "key find",
        `SELECT ${COLUMNS}, k.key_hash, o.name AS org_name, o.rate_rps AS org_rps, o.rate_burst AS org_burst,
           o.rate_mode AS org_mode, t.rate_rps AS team_rps, t.rate_burst AS team_burst, t.rate_mode AS team_mode,
           t.scopes AS team_scopes, u.role AS owner_role
         FROM api_keys k
           JOIN organizations o ON o.id = k.org_id
           LEFT JOIN teams t ON t.org_id = k.org_id AND t.id = k.team_id
           LEFT JOIN users u ON u.org_id = k.org_id AND u.id = k.user_id
         WHERE k.key_prefix = $1 AND k.key_checksum = $2`,
        [prefix, checksum],
      );
      if (!row) return undefined;
      return {
        hash: row.key_hash,
        principal: {
          key: keyFrom(row),
          orgName: row.org_name,
          ownerRole: row.owner_role ?? undefined,
          orgRateLimit: limitFrom(row.org_rps, row.org_burst, row.org_mode),
          teamRateLimit: limitFrom(row.team_rps, row.team_burst, row.team_mode),
          teamScopes: row.team_scopes === null ? undefined : { ...NO_ACCESS, ...row.team_scopes },
        },
      };
    },
    async activity({ now, usedSince }) {
      const [row] = await database.query<{ keys: string; organizations: string }>(
        "keys count",
        `SELECT count(*) FILTER (WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)) AS keys,
           count(DISTINCT org_id) FILTER (WHERE last_used_at >= $2) AS organizations
         FROM api_keys`,
        [now, usedSince],
      );
      return {
        activeKeys: Number(row?.keys),
        activeOrganizations: Number(row?.organizations),
      };
    },
  };

  async function changed(
    orgId: string,
    keyId: string,
    stamp: ChangeStamp,
    write: (sql: Sql) => Promise<KeyRow[]>,
  ): Promise<ChangedKey | undefined> {
    return database.transaction(async (sql) => {
      const [row] = await write(sql);
      if (row) {
        const key = keyFrom(row);
        const change = changeOfKey(key, stamp);
        await insertChange(sql, CHANGE_TABLE, change);
        return { key, change };
      }
      const [same] = await sql.query<KeyRow>(
        "key get",
        `SELECT ${COLUMNS} FROM api_keys k WHERE k.org_id = $1 AND k.id = $2`,
        [orgId, keyId],
      );
      return same && { key: keyFrom(same), change: undefined };
    });
  }
}

type KeyRow = {
  org_id: string;
  id: string;
  user_id: string | null;
  team_id: string | null;
  name: string;
  environment: string;
  key_prefix: string;
  scopes: Partial<KeyScopes>;
  created_at: Date;
  expires_at: Date | null;
  last_used_at: Date | null;
  revoked_at: Date | null;
  suspended_at: Date | null;
};

type PrincipalRow = {
  key_hash: string;
  org_name: string;
  org_rps: number;
  org_burst: number;
  org_mode: PolicyMode;
  team_rps: number | null;
  team_burst: number | null;
  team_mode: PolicyMode | null;
  team_scopes: Partial<AccessScopes> | null;
  owner_role: string | null;
};

const COLUMNS = `k.org_id, k.id, k.user_id, k.team_id, k.name, k.environment, k.key_prefix, k.scopes, k.created_at,
  k.expires_at, k.last_used_at, k.revoked_at, k.suspended_at`;

function keyFrom(row: KeyRow): ApiKey {
  return {
    id: row.id,
    orgId: row.org_id,
    userId: row.user_id ?? undefined,
    teamId: row.team_id ?? undefined,
    name: row.name,
    environment: row.environment,
    prefix: row.key_prefix,
    scopes: { ...NO_KEY_SCOPES, ...row.scopes },
    createTime: row.created_at,
    expireTime: row.expires_at ?? undefined,
    lastUsedTime: row.last_used_at ?? undefined,
    revokeTime: row.revoked_at ?? undefined,
    suspendTime: row.suspended_at ?? undefined,
  };
}

function limitFrom(
  rps: number | null,
  burst: number | null,
  mode: PolicyMode | null,
): RateLimit | undefined {
  return rps === null || rps === 0
    ? undefined
    : { rps, burst: burst ?? 0, mode: mode ?? "enforce" };
}

function creationFailure(constraint: string | undefined): Failure | undefined {
  switch (constraint) {
    case "api_keys_prefix":
      return new Failure("ALREADY_EXISTS", "This key exists.");
    case "api_keys_org_id_team_id_fkey":
      return new Failure("NOT_FOUND", "The organisation has no such team.");
    case "api_keys_org_id_user_id_fkey":
      return new Failure("NOT_FOUND", "The organisation has no such person.");
    default:
      return undefined;
  }
}
