import { Readable } from "node:stream";
import type { ClickHouseClient, ClickHouseSettings } from "@clickhouse/client";
import { Failure } from "../errors.ts";
import { timed, type ObserveQuery } from "../query-metrics.ts";
import type { EncodedRows } from "./tab-separated.ts";

/**
 * The one way to ClickHouse: every statement names its purpose, which metrics and the server's query log (`log_comment`)
 * keep, and has a time limit. A server that cannot be reached is STORE_UNAVAILABLE; any other error is thrown as it is.
 */
export type ClickHouse = {
  /** Rows of a SELECT. 64-bit integers arrive as text; give the columns names that the row type uses. */
  select<Row>(purpose: string, sql: string, parameters?: StatementParameters): Promise<Row[]>;
  /** Adds rows, which are stored when the promise resolves. Missing columns get their defaults. */
  insert(purpose: string, table: string, rows: readonly object[]): Promise<void>;
  /** The same with rows that are encoded already: the way for many. */
  insertEncoded(purpose: string, table: string, rows: EncodedRows): Promise<void>;
  /** Runs a statement without result, such as CREATE TABLE or INSERT … SELECT, to its end. */
  run(purpose: string, sql: string, parameters?: StatementParameters): Promise<void>;
};

/** Values of `{name:Type}` in a statement. Never put values into the text of a statement. */
type StatementParameters = Readonly<Record<string, unknown>>;

/** How statements run. */
export type ClickHouseOptions = {
  readonly client: ClickHouseClient;
  /** Name of the process, put before each purpose. */
  readonly service: string;
  /** Longest time a SELECT may take, in milliseconds. Default 20 s. */
  readonly selectTimeoutMs?: number;
  /** Hears how long each statement took. */
  readonly observe?: ObserveQuery;
};

const SELECT_TIMEOUT_MS = 20_000;

/** Settings of every statement: what is read does not depend on how a server is configured. */
const SETTINGS: ClickHouseSettings = {
  output_format_json_quote_64bit_integers: 1,
  output_format_json_quote_decimals: 1,
  // Every table is partitioned by the time in its sort key, so equal rows never lie in different partitions.
  do_not_merge_across_partitions_select_final: 1,
  // A late batch may reach over many months.
  max_partitions_per_insert_block: "0",
  async_insert: 0,
  date_time_input_format: "basic",
};

export function createClickHouse(options: ClickHouseOptions): ClickHouse {
  const { client } = options;
  const selectSeconds = (options.selectTimeoutMs ?? SELECT_TIMEOUT_MS) / 1000;
  const settingsOf = (purpose: string): ClickHouseSettings => ({
    ...SETTINGS,
    log_comment: `${options.service} ${purpose}`,
  });
  const run = <T>(purpose: string, work: () => Promise<T>): Promise<T> =>
    timed(options.observe, purpose, () => translated(work));
  return {
    async select<Row>(purpose: string, sql: string, parameters: StatementParameters = {}) {
      return run(purpose, async () => {
        const result = await client.query({
          query: sql,
          format: "JSONEachRow",
          query_params: { ...parameters },
          clickhouse_settings: { ...settingsOf(purpose), max_execution_time: selectSeconds },
        });
        return result.json<Row>();
      });
    },
    async insert(purpose, table, rows) {
      if (rows.length === 0) return;
      await run(purpose, () =>
        client.insert({
          table,
          values: [...rows],
          format: "JSONEachRow",
          clickhouse_settings: settingsOf(purpose),
        }),
      );
    },
    async insertEncoded(purpose, table, { columns, body }) {
      if (body === "") return;
      await run(purpose, () =>
        client.insert({
          table,
          columns: [...columns] as [string, ...string[]],
          values: Readable.from([body], { objectMode: false }),
          format: "TabSeparated",
          clickhouse_settings: settingsOf(purpose),
        }),
      );
    },
    async run(purpose, sql, parameters = {}) {
      await run(purpose, () =>
        client.command({
          query: sql,
          query_params: { ...parameters },
          clickhouse_settings: { ...settingsOf(purpose), wait_end_of_query: 1 },
        }),
      );
    },
  };
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!isUnreachable(cause)) throw cause;
    throw new Failure("STORE_UNAVAILABLE", "ClickHouse cannot be reached. Try again in a moment.", {
      cause,
      retryAfterMs: 1_000,
    });
  }
}

/** True when the error says that no server answered, rather than what one answered. */
function isUnreachable(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (typeof code === "string" && /^E[A-Z]+$/.test(code)) return true;
  // The client gives its own timeouts and closed sockets no code.
  return message === "Timeout error." || message === "socket hang up";
}
