import type { MigrateResult } from "../postgres/migrate.ts";
import { MigrationError, pendingMigrations, readMigrations } from "../postgres/migration-files.ts";
import type { AppliedMigration, MigrationFile } from "../postgres/migration-files.ts";
import type { ClickHouse } from "./clickhouse.ts";

/** What a run of migrations needs. */
export type ClickHouseMigrateOptions = {
  readonly clickhouse: ClickHouse;
  /** Owner of the migrations, for example "svc-cost". */
  readonly service: string;
  /** Folder of `NNNN_name.sql` files. A line that ends with `;` ends a statement. */
  readonly directory: string;
};

/**
 * Brings a service's ClickHouse schema up to date. ClickHouse has neither transactions nor locks: a migration that
 * stopped half way runs again from its first statement, and two replicas may run one at the same time. So every
 * statement must be idempotent (`IF NOT EXISTS`, `ADD COLUMN IF NOT EXISTS`).
 *
 * @throws MigrationError when an applied file was changed, the schema is newer than the program, or a migration fails
 */
export async function migrateClickHouse(options: ClickHouseMigrateOptions): Promise<MigrateResult> {
  const { clickhouse, service } = options;
  const files = await readMigrations(options.directory);
  await clickhouse.run("migrate", CREATE_TABLE);
  const pending = pendingMigrations(files, await readApplied(clickhouse, service));
  const applied: string[] = [];
  for (const migration of pending) {
    await apply(clickhouse, service, migration);
    applied.push(`${String(migration.number).padStart(4, "0")}_${migration.name}`);
  }
  return { version: files.length, applied };
}

/** The statements of a file. Comments stay with the statement they precede. */
export function statementsOf(sql: string): string[] {
  return sql
    .split(/;[ \t]*(?:\r?\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/--.*$/gm, "").trim() !== "");
}

// Two replicas that ran a migration at the same time leave equal rows.
const CREATE_TABLE = `
  CREATE TABLE IF NOT EXISTS schema_migrations (
    service String,
    number UInt32,
    name String,
    checksum String,
    applied_time DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
  )
  ENGINE = ReplacingMergeTree
  ORDER BY (service, number, checksum)`;

async function readApplied(clickhouse: ClickHouse, service: string): Promise<AppliedMigration[]> {
  return clickhouse.select<AppliedMigration>(
    "migrate",
    `SELECT number, name, checksum FROM schema_migrations FINAL WHERE service = {service:String} ORDER BY number`,
    { service },
  );
}

async function apply(
  clickhouse: ClickHouse,
  service: string,
  migration: MigrationFile,
): Promise<void> {
  for (const statement of statementsOf(migration.sql)) {
    try {
      await clickhouse.run("migrate", statement);
    } catch (cause) {
      throw new MigrationError(
        `Migration ${migration.number} (${migration.name}) of ${service} failed: ${(cause as Error).message}`,
        { cause },
      );
    }
  }
  const { number, name, checksum } = migration;
  await clickhouse.insert("migrate", "schema_migrations", [{ service, number, name, checksum }]);
}
