import type { Pool, PoolClient } from "pg";
import type { AppliedMigration, MigrationFile } from "./migration-files.ts";
import { MigrationError, pendingMigrations, readMigrations } from "./migration-files.ts";

/** What a run of migrations needs. */
export type PostgresMigrateOptions = {
  readonly pool: Pool;
  /** Owner of the migrations, for example "svc-auth". Services may share a database. */
  readonly service: string;
  /** Folder of `NNNN_name.sql` files, see readMigrations. */
  readonly directory: string;
};

/** What a run of migrations did. */
export type MigrateResult = {
  /** Number of the schema's newest migration. 0: none. */
  readonly version: number;
  /** Migrations this run applied, "NNNN_name". Empty when the schema was up to date. */
  readonly applied: readonly string[];
};

/**
 * Brings a service's Postgres schema up to date. Each migration runs in a transaction of its own together with its
 * row in `schema_migrations`; any number of replicas may start at once, one runs and the others wait for it.
 *
 * @throws MigrationError when an applied file was changed, the schema is newer than the program, or a migration fails
 */
export async function migratePostgres(options: PostgresMigrateOptions): Promise<MigrateResult> {
  const { pool, service } = options;
  const files = await readMigrations(options.directory);
  const client = await pool.connect();
  try {
    await inLockedTransaction(client, service, () => client.query(CREATE_TABLE));
    const applied: string[] = [];
    // The lock belongs to the transaction, since one of the session is lost behind PgBouncer. So what is pending is
    // read again under each lock: another replica may have run the next one in between.
    for (;;) {
      const ran = await inLockedTransaction(client, service, async () => {
        const next = pendingMigrations(files, await readApplied(client, service))[0];
        if (next) await apply(client, service, next);
        return next;
      });
      if (!ran) return { version: files.length, applied };
      applied.push(`${String(ran.number).padStart(4, "0")}_${ran.name}`);
    }
  } finally {
    client.release();
  }
}

const CREATE_TABLE = `
  CREATE TABLE IF NOT EXISTS schema_migrations (
    service TEXT NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_time TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (service, number)
  )`;

async function readApplied(client: PoolClient, service: string): Promise<AppliedMigration[]> {
  const { rows } = await client.query<AppliedMigration>(
    "SELECT number, name, checksum FROM schema_migrations WHERE service = $1 ORDER BY number",
    [service],
  );
  return rows;
}

async function apply(client: PoolClient, service: string, migration: MigrationFile): Promise<void> {
  try {
    await client.query(migration.sql);
  } catch (cause) {
    throw new MigrationError(
      `Migration ${migration.number} (${migration.name}) of ${service} failed: ${(cause as Error).message}`,
      { cause },
    );
  }
  await client.query(
    "INSERT INTO schema_migrations (service, number, name, checksum) VALUES ($1, $2, $3, $4)",
    [service, migration.number, migration.name, migration.checksum],
  );
}

async function inLockedTransaction<T>(
  client: PoolClient,
  service: string,
  work: () => Promise<T>,
): Promise<T> {
  await client.query("BEGIN");
  try {
    // One lock for all services: they create `schema_migrations` and extensions in the same database.
    await client.query("SELECT pg_advisory_xact_lock(hashtext('gatewayops schema_migrations'))");
    const result = await work();
    await client.query("COMMIT");
    return result;
  } catch (error) {
    // The first error says more than one of the rollback, which fails when the connection is gone.
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  }
}
