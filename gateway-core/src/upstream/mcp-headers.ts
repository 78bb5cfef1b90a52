import type { HeaderMirror } from "./link.ts";

/**
 * A value as MCP's headers carry it: text that is no plain header value travels as base64 (MCP 2026-07-28
 * streamable-http §Value Encoding).
 */
export function headerValue(value: string): string {
  const isPlain =
    /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !/^=\?base64\?.*\?=$/.test(value);
  return isPlain ? value : `=?base64?${Buffer.from(value, "utf8").toString("base64")}?=`;
}

/** The text that a header's value stands for, undefined when its encoding is broken. */
export function decodedHeader(value: string): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/.exec(value)?.[1];
  if (encoded === undefined) return value;
  return BASE64.test(encoded) ? Buffer.from(encoded, "base64").toString("utf8") : undefined;
}

/** RFC 4648 §4, with its padding: Node's decoder takes anything. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The `Mcp-Param-*` headers of a tool call, flat: name, value. */
export function mirrorHeaders(mirrors: readonly HeaderMirror[], args: unknown): string[] {
  return mirrors.flatMap(({ header, path }) => {
    let value = args;
    for (const name of path)
      value =
        typeof value === "object" && value !== null && Object.hasOwn(value, name)
          ? (value as Record<string, unknown>)[name]
          : undefined;
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean")
      return [];
    return [header, headerValue(String(value))];
  });
}

/** RFC 9110 §5.6.2: a header's name. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const MIRRORED_TYPES: ReadonlySet<unknown> = new Set(["string", "integer", "boolean"]);
/** Levels of a schema that are looked into. */
const DEPTH_MAX = 16;

/**
 * The arguments of a tool that headers mirror.
 *
 * @returns undefined when the tool's `x-mcp-header` marks break the rules: such a tool must not be offered (MCP
 *   2026-07-28 streamable-http §x-mcp-header)
 */
export function mirrorsOf(inputSchema: unknown): HeaderMirror[] | undefined {
  const mirrors: HeaderMirror[] = [];
  const seen = new Set<string>();
  const isMarked = hasOwnMark(inputSchema);
  return !isMarked && collect(inputSchema, []) ? mirrors : undefined;

  function collect(schema: unknown, path: readonly string[]): boolean {
    if (typeof schema !== "object" || schema === null) return true;
    for (const [key, value] of Object.entries(schema)) {
      if (key !== "properties") {
        // Marks are only allowed where a chain of properties leads.
        if (key !== MARK && hasMark(value, path.length)) return false;
        continue;
      }
      if (typeof value !== "object" || value === null) continue;
      for (const [name, property] of Object.entries(value as object))
        if (!take(property, [...path, name])) return false;
    }
    return true;
  }

  function take(property: unknown, path: readonly string[]): boolean {
    if (typeof property !== "object" || property === null) return true;
    if (path.length > DEPTH_MAX) return !hasMark(property, 0);
    if (hasOwnMark(property)) {
      const { [MARK]: mark, type } = property as Record<string, unknown>;
      if (typeof mark !== "string" || !TOKEN.test(mark) || !MIRRORED_TYPES.has(type)) return false;
      const header = `mcp-param-${mark.toLowerCase()}`;
      if (seen.has(header)) return false;
      seen.add(header);
      mirrors.push({ header, path });
    }
    return collect(property, path);
  }
}

const MARK = "x-mcp-header";

function hasOwnMark(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, MARK);
}

/** True when a mark stands anywhere inside. What is too deep to look at counts as marked. */
function hasMark(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth > DEPTH_MAX * 2 || hasOwnMark(value)) return true;
  return Object.values(value).some((inner) => hasMark(inner, depth + 1));
}
