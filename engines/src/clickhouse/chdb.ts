import { createRequire } from "node:module";

/** Outcome of one statement as the engine reports it. */
export type ChdbRawResult = {
  readonly bytes: Uint8Array;
  /** Seconds. */
  readonly elapsed: number;
  readonly rowsRead: number;
  readonly bytesRead: number;
};

export type ChdbInsertResult = {
  /** Rows written including those of materialized views, as in X-ClickHouse-Summary. */
  readonly rowsWritten: number;
  readonly bytesWritten: number;
  readonly elapsed: number;
};

export type ChdbStream = AsyncIterable<{ readonly numRows: number; raw(): Uint8Array }> & {
  cancel(): void;
};

export type ChdbSession = {
  readonly connection: unknown;
  queryStream(sql: string, options: { format: string }): ChdbStream;
  close(): void;
};

type ChdbModule = {
  Session: new (path: string, options: { connectionArgs: readonly string[] }) => ChdbSession;
  drainPending(): Promise<void>;
};

/**
 * The addon below `chdb`. Its public insert accepts only text formats and a parsed-up statement;
 * the addon takes any INSERT head and the body's bytes, without a copy through a JavaScript string.
 */
type ChdbNative = {
  QueryAsyncConnection(connection: unknown, sql: string, format: string): Promise<ChdbRawResult>;
  InsertRawAsyncConnection(
    connection: unknown,
    head: string,
    body: Buffer,
    countLines: boolean,
  ): Promise<ChdbInsertResult>;
};

export type Chdb = { readonly module: ChdbModule; readonly native: ChdbNative };

/** Loads the engine's library into this process (some hundred megabytes, mapped). */
export function loadChdb(): Chdb {
  const require = createRequire(import.meta.url);
  const module = require("chdb") as ChdbModule;
  // The loader returns the addon of this platform that `chdb` itself has just loaded.
  const loader = require(require.resolve("chdb").replace(/index\.js$/, "dist/loader.js")) as {
    loadNative(): ChdbNative;
  };
  return { module, native: loader.loadNative() };
}
