/** A failure that answers as ClickHouse does: a numeric code, a text and an HTTP status. */
export class ClickHouseException extends Error {
  readonly code: number;

  /** `text` is the whole line a client parses: `Code: 60. DB::Exception: … (UNKNOWN_TABLE)`. */
  constructor(code: number, text: string) {
    super(text);
    this.name = "ClickHouseException";
    this.code = code;
  }
}

/** An exception of the front itself, in the engine's wording. */
export function exception(code: keyof typeof FRONT_CODES, text: string): ClickHouseException {
  return new ClickHouseException(
    code,
    `Code: ${String(code)}. DB::Exception: ${text}. (${FRONT_CODES[code]})`,
  );
}

/** The codes the front raises without asking the engine, with ClickHouse's names for them. */
const FRONT_CODES = {
  48: "NOT_IMPLEMENTED",
  62: "SYNTAX_ERROR",
  115: "UNKNOWN_SETTING",
  159: "TIMEOUT_EXCEEDED",
  164: "READONLY",
  202: "TOO_MANY_SIMULTANEOUS_QUERIES",
  236: "ABORTED",
  307: "TOO_MANY_BYTES",
  354: "ZLIB_INFLATE_FAILED",
  1001: "STD_EXCEPTION",
} as const;

/** Whatever the engine or Node threw, as an exception with a code; unknown failures get 1001. */
export function exceptionFrom(error: unknown): ClickHouseException {
  if (error instanceof ClickHouseException) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = /Code: (\d+)\./.exec(text)?.[1];
  if (code === undefined) return exception(1001, text);
  return new ClickHouseException(Number(code), text.trim());
}

/**
 * The HTTP status for a code.
 * Follows ClickHouse's `exceptionCodeToHTTPStatus`, for the codes that occur here.
 */
export function httpStatusOf(code: number): number {
  if (NOT_FOUND.has(code)) return 404;
  if (BAD_REQUEST.has(code)) return 400;
  switch (code) {
    case 48:
      return 501;
    case 159:
      return 408;
    case 164:
      return 403;
    case 202:
    case 236:
      return 503;
    case 307:
      return 413;
    default:
      return 500;
  }
}

const NOT_FOUND = new Set([36, 46, 47, 50, 56, 57, 60, 73, 81, 115]);
const BAD_REQUEST = new Set([
  ...[6, 7, 26, 27, 32, 33, 38, 41, 42, 43, 53, 62, 63, 69, 70, 72, 117, 130, 131, 354, 376, 456],
  ...[457, 467, 616],
]);
