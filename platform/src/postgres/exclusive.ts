import type { Database } from "./database.ts";

/**
 * Runs work while no other process that shares the database runs work of this name. False: another one does, and
 * nothing was run. The lock belongs to a transaction, which works behind PgBouncer and ends with the connection: when
 * that is lost, another process may begin while the work is still running here. So the work must be safe to run twice;
 * the lock keeps it from being done twice all the time.
 */
export function runExclusively(
  database: Database,
  name: string,
  work: () => Promise<void>,
): Promise<boolean> {
  return database.transaction(async (sql) => {
    const [row] = await sql.query<{ locked: boolean }>(
      "exclusive lock",
      "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS locked",
      [name],
    );
    if (row?.locked !== true) return false;
    await work();
    return true;
  });
}
