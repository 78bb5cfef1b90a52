import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";

/** What a list is asked for. */
export type PageRequest = {
  /** Rows at most, 1 to 200. */
  readonly limit: number;
  /** Sort key of the last row of the page before. Undefined: the first page. */
  readonly after: readonly string[] | undefined;
};

/** One page of a list. */
export type Page<T> = {
  readonly items: readonly T[];
  /** Where the next page begins. Empty when there is none. */
  readonly cursor: string;
};

/** The page of rows, of which one more than the limit was read to know whether there is another page. */
export function pageOf<T>(
  rows: readonly T[],
  limit: number,
  sortKey: (row: T) => readonly string[],
): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, cursor: more ? toCursor(sortKey(last)) : "" };
}

/** Kind of one part of a sort key. */
export type SortKeyPart = "text" | "uuid" | "time" | "hash";

/**
 * The page a request asks for.
 *
 * @throws Failure REQUEST_INVALID when the cursor is none of the list with such a sort key
 */
export function pageRequestFrom(
  request: { readonly limit: number; readonly cursor: string },
  parts: readonly SortKeyPart[],
): PageRequest {
  const limit = request.limit === 0 ? DEFAULT_LIMIT : Math.min(request.limit, LIMIT_MAX);
  return { limit, after: request.cursor === "" ? undefined : sortKeyFrom(request.cursor, parts) };
}

const DEFAULT_LIMIT = 50;
const LIMIT_MAX = 200;

function toCursor(sortKey: readonly string[]): string {
  return Buffer.from(JSON.stringify(sortKey)).toString("base64url");
}

function sortKeyFrom(cursor: string, parts: readonly SortKeyPart[]): readonly string[] {
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    key = undefined; // Not JSON: answered below like every other cursor that is none.
  }
  if (
    Array.isArray(key) &&
    key.length === parts.length &&
    key.every((part, index): part is string => isPart(part, parts[index] ?? "text"))
  )
    return key;
  throw new Failure("REQUEST_INVALID", "The cursor is not one that this list returned.", {
    details: [{ field: "cursor", message: "use the cursor of the page before, or none" }],
  });
}

// Postgres refuses NUL in texts, and everything but a UUID, time or hexadecimal digits where it expects them.
function isPart(part: unknown, kind: SortKeyPart): boolean {
  if (typeof part !== "string") return false;
  switch (kind) {
    case "uuid":
      return uuidFromText(part) !== undefined;
    case "time":
      return /^\d{4}-\d\d-\d\dT/.test(part) && !Number.isNaN(Date.parse(part));
    case "hash":
      return /^([0-9a-f]{2})+$/.test(part);
    case "text":
      return !part.includes("\0");
  }
}
