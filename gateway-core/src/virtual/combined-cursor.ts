/** Where each server's list goes on, in one cursor. Opaque to agents (MCP server/utilities/pagination). */
export function combinedCursor(next: ReadonlyMap<string, string>): string | undefined {
  return next.size === 0 ? undefined : Buffer.from(JSON.stringify([...next])).toString("base64url");
}

/** The cursors of a combined one by server; undefined when it is none. */
export function splitCursor(cursor: string): ReadonlyMap<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (!Array.isArray(value) || !value.every(isPair)) return undefined;
    return new Map(value);
  } catch {
    return undefined; // not one of ours
  }
}

function isPair(value: unknown): value is [string, string] {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    value.every((part: unknown) => typeof part === "string")
  );
}
