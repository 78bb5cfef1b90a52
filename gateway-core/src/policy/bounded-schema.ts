import type { Schema, SchemaDraft } from "@cfworker/json-schema";
import { isLinear } from "./linear-pattern.ts";

/** What bounds the time of a check: schemas come from servers, and nobody has read them. */
const SCHEMA_MAX_BYTES = 64 * 1024;
const SCHEMA_MAX_NODES = 5_000;
const DEPTH_MAX = 64;

/** A schema that may be used, or why it may not. */
export type BoundedSchema =
  | { readonly schema: Schema; readonly draft: SchemaDraft; readonly problem?: never }
  | { readonly problem: string };

/** Reads a schema that a server gave and admits it when every check against it ends soon. */
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
  const waiting: unknown[] = [schema];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (typeof one !== "object" || one === null) continue;
    const { $dynamicRef, $recursiveRef, pattern, patternProperties, format } = one as Schema;
    if (typeof $dynamicRef === "string" || typeof $recursiveRef === "string")
      return "it has dynamic references";
    if (typeof pattern === "string" && !isLinear(pattern)) return PATTERN;
    if (
      typeof patternProperties === "object" &&
      !Object.keys(patternProperties as object).every(isLinear)
    )
      return PATTERN;
    // JSON Schema 2020-12 validation §7.2.1: a format is a note, unless one asks for more.
    if (typeof format === "string") delete (one as Schema).format;
    for (const inner of Object.values(one)) waiting.push(inner);
  }
  return undefined;
}

const PATTERN = "it has a pattern that may take longer than linear time";
