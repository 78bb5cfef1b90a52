import type { Chdb, ChdbSession, ChdbStream } from "./chdb.ts";
import { exception } from "./exception.ts";
import { canStream, formatOf, kindOf, setupOf } from "./statement.ts";
import type { QueryRequest } from "./request.ts";

export type Summary = {
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
  readonly writtenBytes: number;
  readonly resultRows: number;
  readonly elapsedMs: number;
};

/** Where a result goes. Either `whole` is called once, or `begin` and then `chunk` until it ends. */
export type ResultSink = {
  whole(format: string, bytes: Uint8Array, summary: Summary): void;
  begin(format: string): void;
  /** Resolves when the next chunk is welcome; false when nobody reads any more. */
  chunk(bytes: Uint8Array): Promise<boolean>;
  /** True when nobody waits for the result any more. */
  abandoned(): boolean;
};

/** A result up to this size is answered in one piece, with its length and an honest summary. */
const WHOLE_MAX_BYTES = 256 * 1024;

/**
 * Runs one statement on `session`, which must be clean, and hands the result to `sink`. Does nothing
 * when the sink is abandoned: the caller went away while it waited for its turn.
 *
 * @throws the engine's error; after `sink.begin` the result is then incomplete.
 */
export async function execute(
  chdb: Chdb,
  session: ChdbSession,
  request: QueryRequest,
  body: Buffer,
  sink: ResultSink,
): Promise<void> {
  if (sink.abandoned()) return;
  const started = performance.now();
  const run = (sql: string, format: string) =>
    chdb.native.QueryAsyncConnection(session.connection, sql, format);

  const setup = setupOf(request);
  if (setup !== "") await run(setup, "Null");

  const defaultFormat = request.defaultFormat ?? "TabSeparated";
  if (request.query !== undefined && kindOf(request.query) === "insert" && body.length > 0) {
    const written = await chdb.native.InsertRawAsyncConnection(
      session.connection,
      request.query,
      body,
      false,
    );
    sink.whole(defaultFormat, EMPTY, {
      ...NOTHING,
      readRows: written.rowsWritten,
      readBytes: body.length,
      writtenRows: written.rowsWritten,
      writtenBytes: written.bytesWritten,
      elapsedMs: performance.now() - started,
    });
    return;
  }
  const sql = statementOf(request, body);
  const kind = kindOf(sql);
  // `INSERT … FORMAT X` with an empty body: no rows are no error over HTTP.
  if (kind === "insert" && formatOf(sql) !== undefined && body.length === 0) {
    sink.whole(defaultFormat, EMPTY, { ...NOTHING, elapsedMs: performance.now() - started });
    return;
  }
  const format = formatOf(sql) ?? defaultFormat;
  if (canStream(sql, defaultFormat) && !request.waitEndOfQuery) {
    await stream(session.queryStream(sql, { format }), format, sink, started);
    return;
  }
  const result = await run(sql, defaultFormat);
  sink.whole(format, result.bytes, {
    ...NOTHING,
    readRows: result.rowsRead,
    readBytes: result.bytesRead,
    resultRows: kind === "read" ? result.rowsRead : 0,
    elapsedMs: performance.now() - started,
  });
}

/** True when running `request` changes the connection it runs on. */
export function leavesTraces(request: QueryRequest, body: Buffer): boolean {
  if (setupOf(request) !== "") return true;
  const kind = kindOf(request.query ?? body.toString("latin1", 0, 4096));
  // SET and USE are among the others; the rest of them are rare enough not to be told apart.
  return kind === "other";
}

async function stream(
  result: ChdbStream,
  format: string,
  sink: ResultSink,
  started: number,
): Promise<void> {
  const held: Uint8Array[] = [];
  let heldBytes = 0;
  let rows = 0;
  let begun = false;
  for await (const chunk of result) {
    const bytes = chunk.raw();
    rows += chunk.numRows;
    if (!begun) {
      held.push(bytes);
      heldBytes += bytes.length;
      if (heldBytes < WHOLE_MAX_BYTES) continue;
      begun = true;
      sink.begin(format);
      if (!(await sink.chunk(Buffer.concat(held.splice(0), heldBytes)))) return;
      continue;
    }
    if (!(await sink.chunk(bytes))) return;
  }
  if (begun) return;
  const bytes = Buffer.concat(held, heldBytes);
  sink.whole(format, bytes, {
    ...NOTHING,
    readRows: rows,
    readBytes: bytes.length,
    resultRows: rows,
    elapsedMs: performance.now() - started,
  });
}

function statementOf(request: QueryRequest, body: Buffer): string {
  const text = body.toString("utf8");
  const sql = request.query === undefined ? text : joined(request.query, text);
  if (sql.trim() === "") throw exception(62, "Syntax error: the query is empty");
  return sql;
}

function joined(query: string, text: string): string {
  return text === "" ? query : `${query}\n${text}`;
}

const EMPTY = new Uint8Array(0);
const NOTHING: Summary = {
  readRows: 0,
  readBytes: 0,
  writtenRows: 0,
  writtenBytes: 0,
  resultRows: 0,
  elapsedMs: 0,
};
