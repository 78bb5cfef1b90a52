import type { Invalidation } from "../invalidation.ts";
import type { Database, Sql } from "../postgres/database.ts";
import type { ChangeStore, PendingChange } from "./change-store.ts";

/**
 * Where a service keeps its changes: a table with org_id and id UUID as its key, invalidation JSONB, created_at
 * TIMESTAMPTZ, and TEXT columns for what the service adds, NULL for undefined. Services may share a database: the
 * name must be the service's own.
 */
export type ChangeTable<Change extends PendingChange = PendingChange> = {
  readonly name: string;
  /** Column of each property that the service adds. */
  readonly columns: Readonly<Record<Exclude<keyof Change, keyof PendingChange>, string>>;
};

export function createPostgresChangeStore<Change extends PendingChange>(
  database: Database,
  table: ChangeTable<Change>,
): ChangeStore<Change> {
  const { added, columns } = columnsOf(table);
  const select = `SELECT ${columns.join(", ")} FROM ${table.name}
    WHERE created_at < $1 ORDER BY created_at LIMIT $2`;
  const remove = `DELETE FROM ${table.name} WHERE org_id = $1 AND id = $2`;
  return {
    async pending(before, limit) {
      const rows = await database.query<ChangeRow>("changes pending", select, [before, limit]);
      return rows.map((row) => {
        const change: PendingChange = {
          id: row.id,
          orgId: row.org_id,
          invalidation: row.invalidation,
          createTime: row.created_at,
        };
        const more = added.map(([property, column]) => [property, row[column] ?? undefined]);
        return Object.assign(change, Object.fromEntries(more)) as Change;
      });
    },
    async remove(orgId, changeId) {
      await database.query("change remove", remove, [orgId, changeId]);
    },
  };
}

/** Adds a change inside the transaction that makes it. */
export async function insertChange<Change extends PendingChange>(
  sql: Sql,
  table: ChangeTable<Change>,
  change: Change,
): Promise<void> {
  const { added, columns } = columnsOf(table);
  await sql.query(
    "change insert",
    `INSERT INTO ${table.name} (${columns.join(", ")})
     VALUES (${columns.map((_, index) => `$${index + 1}`).join(", ")})`,
    [
      change.orgId,
      change.id,
      JSON.stringify(change.invalidation),
      change.createTime,
      ...added.map(([property]) => change[property as keyof Change] ?? null),
    ],
  );
}

function columnsOf<Change extends PendingChange>(table: ChangeTable<Change>) {
  const added = Object.entries<string>(table.columns);
  const columns = ["org_id", "id", "invalidation", "created_at", ...added.map(([, name]) => name)];
  return { added, columns };
}

type ChangeRow = {
  readonly org_id: string;
  readonly id: string;
  readonly invalidation: Invalidation;
  readonly created_at: Date;
  readonly [column: string]: unknown;
};
