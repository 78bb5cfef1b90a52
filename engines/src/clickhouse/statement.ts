/** What a statement does, as far as the front must know to run it. */
export type StatementKind = "read" | "insert" | "other";

/** The kind by the first keyword after comments and opening parentheses. */
export function kindOf(sql: string): StatementKind {
  const word = firstWord(sql);
  if (READ_WORDS.has(word)) return "read";
  return word === "INSERT" ? "insert" : "other";
}

const READ_WORDS = new Set([
  ...["SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "VALUES", "FROM"],
]);

function firstWord(sql: string): string {
  let at = 0;
  for (;;) {
    SKIP.lastIndex = at;
    const skipped = SKIP.exec(sql)?.[0] ?? "";
    if (skipped === "") break;
    at += skipped.length;
  }
  return (/^[A-Za-z]+/.exec(sql.slice(at, at + 20))?.[0] ?? "").toUpperCase();
}

const SKIP = /[\s(;]+|--[^\n]*|#[^\n]*|\/\*[^]*?\*\//y;

/**
 * The output format a statement names in its closing FORMAT clause, or undefined.
 *
 * Only the end of the statement is looked at (where `@clickhouse/client` puts it); a format that is
 * missed here is still applied by the engine, and the result is then merely not streamed.
 */
export function formatOf(sql: string): string | undefined {
  return /\bFORMAT\s+([A-Za-z][A-Za-z0-9]*)\s*;?\s*$/i.exec(sql.slice(-200))?.[1];
}

/**
 * True when the chunks of a streamed result may be concatenated.
 *
 * The engine streams SELECTs only, and writes a complete document (header, footer) for each block:
 * formats that have such parts are taken in one piece, and so is a statement whose FORMAT clause is
 * not where `formatOf` finds it.
 */
export function canStream(sql: string, defaultFormat: string): boolean {
  if (!SELECT_WORDS.has(firstWord(sql))) return false;
  const format = formatOf(sql);
  if (format !== undefined) return STREAMABLE.has(format);
  return STREAMABLE.has(defaultFormat) && !/\bFORMAT\s/i.test(sql);
}

const SELECT_WORDS = new Set(["SELECT", "WITH", "FROM"]);

const STREAMABLE = new Set([
  ...["JSONEachRow", "JSONCompactEachRow", "JSONStringsEachRow", "JSONCompactStringsEachRow"],
  ...[
    "TabSeparated",
    "TSV",
    "TabSeparatedRaw",
    "TSVRaw",
    "TSKV",
    "CSV",
    "RowBinary",
    "LineAsString",
  ],
]);

/** A string literal of ClickHouse SQL. */
export function literal(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&").replace(/\0/g, "\\0")}'`;
}

/** A quoted identifier of ClickHouse SQL. */
export function identifier(name: string): string {
  return `\`${name.replace(/[\\`]/g, "\\$&")}\``;
}

/**
 * The statements that give a fresh connection its database, settings and parameters, each a
 * [name, value] pair whose name has been validated, or "" when there is nothing to set.
 *
 * A parameter's value has the escaping of the HTTP interface (that of TabSeparated), which the
 * engine expects here too.
 */
export function setupOf(request: {
  readonly database: string | undefined;
  readonly settings: readonly (readonly [string, string])[];
  readonly parameters: readonly (readonly [string, string])[];
}): string {
  const assignments = [
    ...request.settings.map(([name, value]) => `${name} = ${literal(value)}`),
    ...request.parameters.map(([name, value]) => `param_${name} = ${literal(value)}`),
  ];
  const statements: string[] = [];
  if (request.database !== undefined && request.database !== "default") {
    statements.push(`USE ${identifier(request.database)}`);
  }
  if (assignments.length > 0) statements.push(`SET ${assignments.join(", ")}`);
  return statements.join("; ");
}
