import pg from "pg";
import { Failure } from "../errors.ts";
import { timed, type ObserveQuery } from "../query-metrics.ts";

/** A way to run statements, inside a transaction or not. */
export type Sql = {
  /** Rows of a statement. The purpose names it in metrics: a fixed text, one of few. */
  query<Row extends pg.QueryResultRow>(
    purpose: string,
    text: string,
    values: readonly unknown[],
  ): Promise<Row[]>;
};

/** A service's Postgres. */
export type Database = Sql & {
  /** Runs the work in one transaction, rolled back when it throws. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>;
};

/** How statements run. */
export type DatabaseOptions = {
  readonly pool: pg.Pool;
  /** Hears how long each statement took. The wait for a connection counts, in transactions as "begin". */
  readonly observe?: ObserveQuery;
};

/**
 * Makes the one seam to Postgres: a database that is away is Failure STORE_UNAVAILABLE, a text it
 * cannot keep REQUEST_INVALID, everything else is passed on.
 */
export function createDatabase({ pool, observe }: DatabaseOptions): Database {
  const run = <T>(purpose: string, work: () => Promise<T>): Promise<T> =>
    timed(observe, purpose, () => translated(work));
  const sqlOf = (client: pg.Pool | pg.PoolClient): Sql => ({
    async query<Row extends pg.QueryResultRow>(
      purpose: string,
      text: string,
      values: readonly unknown[],
    ) {
      const { rows } = await run(purpose, () => client.query<Row>(text, [...values]));
      return rows;
    },
  });
  return {
    ...sqlOf(pool),
    async transaction(work) {
      const started = performance.now();
      const client = await translated(() => pool.connect());
      let broken: Error | undefined;
      const onError = (error: Error): void => {
        broken = error;
      };
      client.on("error", onError);
      try {
        await translated(() => client.query("BEGIN"));
        observe?.("begin", (performance.now() - started) / 1000);
        const result = await work(sqlOf(client));
        await run("commit", () => client.query("COMMIT"));
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

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isNulCharacter(error))
      throw new Failure("REQUEST_INVALID", "A text contains a NUL character. Leave it out.");
    if (!isAway(error)) throw error;
    throw new Failure("STORE_UNAVAILABLE", "PostgreSQL cannot be reached. Try again in a moment.", {
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
