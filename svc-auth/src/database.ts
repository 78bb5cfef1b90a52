import pg from "pg";
import { Failure } from "@gatewayops/platform/errors";

/** A way to run statements, inside a transaction or not. */
export type Sql = {
  query<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]): Promise<Row[]>;
};

/** The service's Postgres. */
export type Database = Sql & {
  /** Runs the work in one transaction, rolled back when it throws. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
};

/**
 * Makes the one seam to Postgres: a database that is away is Failure STORE_UNAVAILABLE, a text it
 * cannot keep REQUEST_INVALID, everything else is passed on.
 */
export function createDatabase(pool: pg.Pool): Database {
  return {
    query: (text, values) => run(() => pool.query(text, [...values])),
    async transaction(work) {
      const client = await translated(() => pool.connect());
      let broken: Error | undefined;
      const onError = (error: Error): void => {
        broken = error;
      };
      client.on("error", onError);
      try {
        await translated(() => client.query("BEGIN"));
        const result = await work({
          query: (text, values) => run(() => client.query(text, [...values])),
        });
        await translated(() => client.query("COMMIT"));
        return result;
      } catch (error) {
        // The first error says more than that of a rollback on a lost connection, which the pool drops.
        await client.query("ROLLBACK").catch((lost: unknown) => {
          broken ??= lost instanceof Error ? lost : new Error("rollback failed");
        });
        throw error;
      } finally {
        client.off("error", onError);
        client.release(broken);
      }
    },
  };
}

/** The constraint or unique index that an insert ran into; undefined for any other error. */
export function violatedConstraint(error: unknown): string | undefined {
  if (!(error instanceof pg.DatabaseError)) return undefined;
  return error.code === "23505" || error.code === "23503" ? error.constraint : undefined;
}

async function run<Row extends pg.QueryResultRow>(
  work: () => Promise<pg.QueryResult<Row>>,
): Promise<Row[]> {
  return (await translated(work)).rows;
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isNulCharacter(error))
      throw new Failure("REQUEST_INVALID", "A text contains a NUL character. Leave it out.");
    if (!isAway(error)) throw error;
    throw new Failure("STORE_UNAVAILABLE", "The database does not answer. Try again shortly.", {
      retryAfterMs: 2_000,
      cause: error,
    });
  }
}

// SQLSTATE 22021 in a text, 22P05 inside JSON: what Postgres cannot keep, and what no rule of the contracts excludes.
function isNulCharacter(error: unknown): boolean {
  return error instanceof pg.DatabaseError && ["22021", "22P05"].includes(error.code ?? "");
}

// What Postgres itself said is an error of ours, except that it is going, gone or full (SQLSTATE classes 08, 53, 57).
// What the driver says is about the connection.
function isAway(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true;
  return ["08", "53", "57"].includes(error.code?.slice(0, 2) ?? "");
}
