import type { Invalidation } from "@gatewayops/platform/invalidation";
import type { Database, Sql } from "@gatewayops/platform/postgres/database";
import type { ChangeStore, PendingChange } from "./change-store.ts";

export function createPostgresChangeStore(database: Database): ChangeStore {
  return {
    async pending(before, limit) {
      const rows = await database.query<ChangeRow>(
        "changes pending",
        `SELECT org_id, id, invalidation, key_prefix, created_at FROM pending_changes
         WHERE created_at < $1 ORDER BY created_at LIMIT $2`,
        [before, limit],
      );
      return rows.map((row) => ({
        id: row.id,
        orgId: row.org_id,
        invalidation: row.invalidation,
        keyPrefix: row.key_prefix ?? undefined,
        createTime: row.created_at,
      }));
    },
    async remove(orgId, changeId) {
      await database.query(
        "change remove",
        "DELETE FROM pending_changes WHERE org_id = $1 AND id = $2",
        [orgId, changeId],
      );
    },
  };
}

/** Adds a change inside the transaction that makes it. */
export async function insertChange(sql: Sql, change: PendingChange): Promise<void> {
  await sql.query(
    "change insert",
    `INSERT INTO pending_changes (org_id, id, invalidation, key_prefix, created_at)
     VALUES ($1, $2, $3, $4, $5)`,
    [
      change.orgId,
      change.id,
      JSON.stringify(change.invalidation),
      change.keyPrefix ?? null,
      change.createTime,
    ],
  );
}

type ChangeRow = {
  org_id: string;
  id: string;
  invalidation: Invalidation;
  key_prefix: string | null;
  created_at: Date;
};
