import type { Schema, SchemaDraft } from "@cfworker/json-schema";
import { matchingSteps } from "./linear-pattern.ts";

/** What bounds the time of a check: schemas come from servers, and nobody has read them. */
const SCHEMA_MAX_BYTES = 64 * 1024;
const SCHEMA_MAX_NODES = 5_000;
const DEPTH_MAX = 64;
/** Characters of the URIs of all values in a schema, roughly: `dereference` makes one for each schema within it. */
const URIS_MAX_CHARS = 1_000_000;
/** What a URI is long without any name. */
const URI_CHARS = 50;

/** A schema that may be used, or why it may not. */
export type BoundedSchema =
  | { readonly schema: Schema; readonly draft: SchemaDraft; readonly problem?: never }
  | { readonly problem: string };

/**
 * Reads a schema that a server gave, and admits it when making it ready ends soon and its patterns are linear. What a
 * check costs is a matter of the arguments as well: see `costOfCheck`.
 */
export function boundedSchema(json: Buffer): BoundedSchema {
  if (json.length > SCHEMA_MAX_BYTES) return { problem: "it is too long" };
  const schema = JSON.parse(json.toString("utf8")) as unknown;
  if (typeof schema !== "object" || schema === null || Array.isArray(schema))
    return { problem: "it is no object" };
  const draft = draftOf("$schema" in schema ? schema.$schema : undefined);
  if (draft === undefined) return { problem: "it is of a dialect that is not known" };
  const problem = problemOf(schema);
  if (problem !== undefined) return { problem };
  return { schema, draft };
}

/** The number of values in a value, and whether it nests too deep; counting ends beyond the bound. */
export function isTooLarge(value: unknown, nodesMax: number): boolean {
  let nodes = 0;
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value, depth: 0 }];
  for (let one = waiting.pop(); one; one = waiting.pop()) {
    if (++nodes > nodesMax || one.depth > DEPTH_MAX) return true;
    if (typeof one.value !== "object" || one.value === null) continue;
    for (const inner of Object.values(one.value)) {
      if (waiting.length > nodesMax) return true;
      waiting.push({ value: inner, depth: one.depth + 1 });
    }
  }
  return false;
}

/** Schemas of MCP are of 2020-12 unless they say otherwise (MCP 2026-07-28 basic §JSON Schema Usage). */
function draftOf(dialect: unknown): SchemaDraft | undefined {
  if (dialect === undefined) return "2020-12";
  return typeof dialect === "string" ? DRAFTS.get(dialect.replace(/#$/, "")) : undefined;
}

const DRAFTS: ReadonlyMap<string, SchemaDraft> = new Map([
  ["https://json-schema.org/draft/2020-12/schema", "2020-12"],
  ["https://json-schema.org/draft/2019-09/schema", "2019-09"],
  ["http://json-schema.org/draft-07/schema", "7"],
  ["http://json-schema.org/draft-04/schema", "4"],
]);

function problemOf(schema: object): string | undefined {
  if (isTooLarge(schema, SCHEMA_MAX_NODES)) return "it is too large";
  let chars = 0;
  const waiting: Part[] = [{ value: schema, isMap: false, uriChars: URI_CHARS, uris: 1 }];
  for (let part = waiting.pop(); part; part = waiting.pop()) {
    const { value } = part;
    chars += part.uriChars * part.uris;
    if (chars > URIS_MAX_CHARS) return "its references take too long to be read";
    if (typeof value !== "object" || value === null) continue;
    const problem = Array.isArray(value) ? undefined : problemOfKeywords(value);
    if (problem !== undefined) return problem;
    waiting.push(...partsOf(value, part));
  }
  return undefined;
}

/** A value in a schema, with the URIs that it is given. */
type Part = {
  readonly value: unknown;
  /** Its members are names that the server chose, not keywords. */
  readonly isMap: boolean;
  readonly uriChars: number;
  readonly uris: number;
};

function partsOf(value: object, { isMap, uriChars, uris }: Part): Part[] {
  const { $id, id } = value as { readonly $id?: unknown; readonly id?: unknown };
  const hasIdentifier = !isMap && ($id !== undefined || id !== undefined);
  // Below an identifier all is read twice: from there, and from the identifier around it.
  const within = hasIdentifier
    ? { uriChars: uriChars + JSON.stringify([$id, id]).length, uris: uris * 2 }
    : { uriChars, uris };
  return Object.entries(value).map(([name, inner]: [string, unknown]) => ({
    value: inner,
    isMap: !isMap && MAPS.has(name),
    uriChars: within.uriChars + name.length,
    uris: within.uris,
  }));
}

const MAPS: ReadonlySet<string> = new Set([
  "$defs",
  "definitions",
  "properties",
  "patternProperties",
  "dependentSchemas",
]);

function problemOfKeywords(schema: Schema): string | undefined {
  const { $dynamicRef, $recursiveRef, pattern, patternProperties, format } = schema;
  if (typeof $dynamicRef === "string" || typeof $recursiveRef === "string")
    return "it has dynamic references";
  if (typeof pattern === "string" && !matchingSteps(pattern)) return PATTERN;
  if (
    typeof patternProperties === "object" &&
    !Object.keys(patternProperties as object).every((one) => matchingSteps(one))
  )
    return PATTERN;
  // JSON Schema 2020-12 validation §7.2.1: a format is a note, unless one asks for more. The validator takes a list with
  // a name in it for the name.
  if (typeof format === "string" || Array.isArray(format)) delete schema.format;
  return undefined;
}

const PATTERN = "it has a pattern that may take longer than linear time";
