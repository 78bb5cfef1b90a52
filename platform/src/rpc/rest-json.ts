import {
  fromJson,
  getOption,
  ScalarType,
  toJson,
  type DescEnum,
  type DescEnumValue,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
} from "@bufbuild/protobuf";
import { rest_usd } from "@gatewayops/proto/gatewayops/common/v1/options_pb";
import { Failure, invalidRequest, type FieldProblem } from "../errors.ts";

// How REST bodies differ from the JSON form of protobuf: field names as in the .proto, enum values without their
// prefix and in lower case, 64-bit integers as numbers, and money (`rest_usd`) as an exact decimal number of dollars.

declare global {
  interface JSON {
    /** A value that JSON.stringify writes as the given text (ECMAScript proposal json-parse-with-source, stage 4). */
    rawJSON(text: string): unknown;
  }
}

/** The REST form of a message, ready for JSON.stringify. */
export function toRestJson<D extends DescMessage>(schema: D, message: MessageShape<D>): unknown {
  const json = toJson(schema, message, { useProtoFieldName: true, alwaysEmitImplicit: true });
  return outward(schema, json);
}

/**
 * The message of a REST body.
 *
 * @throws Failure REQUEST_INVALID naming what does not fit
 */
export function fromRestJson<D extends DescMessage>(schema: D, json: JsonValue): MessageShape<D> {
  const given = inward(schema, json, "");
  try {
    return fromJson(schema, given);
  } catch (cause) {
    const problems = typeProblems(schema, given, "");
    if (problems.length > 0) throw invalidRequest(problems);
    throw new Failure("REQUEST_INVALID", "The request cannot be read.", { cause });
  }
}

/** Micro-USD as a decimal number of dollars without trailing zeros, for example 1500000 → "1.5". */
export function usdFromMicros(micros: bigint): string {
  const sign = micros < 0n ? "-" : "";
  const digits = (micros < 0n ? -micros : micros).toString().padStart(7, "0");
  const fraction = digits.slice(-6).replace(/0+$/, "");
  return `${sign}${digits.slice(0, -6)}${fraction === "" ? "" : `.${fraction}`}`;
}

/** Dollars in decimal text as micro-USD; undefined when it is no number or has more than six decimals. */
export function microsFromUsd(text: string): bigint | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text);
  if (!match) return undefined;
  const micros = BigInt(match[2] ?? "0") * 1_000_000n + BigInt((match[3] ?? "").padEnd(6, "0"));
  return match[1] === "-" ? -micros : micros;
}

/** The name under which REST callers know a field. */
export function restName(field: DescField): string {
  return getOption(field, rest_usd) || field.name;
}

function outward(schema: DescMessage, json: JsonValue): unknown {
  if (isWellKnown(schema) || !isObject(json)) return json;
  const out: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const value = json[field.name];
    if (value === undefined) continue;
    const usd = getOption(field, rest_usd);
    if (usd !== "") out[usd] = JSON.rawJSON(usdFromMicros(BigInt(value as string)));
    else out[field.name] = mapValues(field, value, outwardOne);
  }
  return out;
}

function outwardOne(field: DescField, value: JsonValue): unknown {
  const message = messageOfField(field);
  if (message) return outward(message, value);
  const enumeration = enumOfField(field);
  if (enumeration && typeof value === "string") return restEnumName(enumeration, value);
  if (isInt64(field) && typeof value === "string") return JSON.rawJSON(value);
  return value;
}

/** @param path what stands before the names of fields in problems, "" or "outer." */
function inward(schema: DescMessage, json: JsonValue, path: string): JsonValue {
  if (isWellKnown(schema) || !isObject(json)) return json;
  const out: JsonObject = {};
  const fields = new Map(schema.fields.map((field) => [restName(field), field]));
  for (const [name, value] of Object.entries(json)) {
    const field = fields.get(name);
    if (!field) throw invalid(path + name, `is not a field here; there are ${namesOf(schema)}`);
    if (name !== field.name) out[field.name] = usdInward(path + name, value);
    else out[name] = mapValues(field, value, (_, one) => inwardOne(field, one, path)) as JsonValue;
  }
  return out;
}

function usdInward(name: string, value: JsonValue): string {
  const micros =
    typeof value === "number" || typeof value === "string"
      ? microsFromUsd(String(value))
      : undefined;
  if (micros === undefined)
    throw invalid(
      name,
      "must be an amount in US dollars with at most six decimals, for example 0.25",
    );
  return micros.toString();
}

function inwardOne(field: DescField, value: JsonValue, path: string): JsonValue {
  const message = messageOfField(field);
  if (message) return inward(message, value, `${path}${field.name}.`);
  const enumeration = enumOfField(field);
  if (enumeration && typeof value === "string") {
    const found = enumeration.values.find(({ name }) => restEnumName(enumeration, name) === value);
    if (!found) throw invalid(path + field.name, expectation(field));
    return found.name;
  }
  return value;
}

/** What has a wrong type, found by reading each field alone. */
function typeProblems(schema: DescMessage, json: JsonValue, path: string): FieldProblem[] {
  if (!isObject(json)) return [];
  return schema.fields.flatMap((field) => {
    const value = json[field.name];
    if (value === undefined || fits(schema, { [field.name]: value })) return [];
    const message = field.fieldKind === "message" ? field.message : undefined;
    if (message && !isWellKnown(message) && isObject(value))
      return typeProblems(message, value, `${path}${field.name}.`);
    return [{ field: path + restName(field), message: expectation(field) }];
  });
}

function fits(schema: DescMessage, json: JsonValue): boolean {
  try {
    fromJson(schema, json);
    return true;
  } catch {
    return false; // What is wrong is said in other words.
  }
}

/** What the value of a field must be, in words. */
function expectation(field: DescField): string {
  if (field.fieldKind === "list") return `must be a list, each item ${elementWords(field)}`;
  if (field.fieldKind === "map") return `must be an object, each value ${elementWords(field)}`;
  return `must be ${elementWords(field)}`;
}

function elementWords(field: DescField): string {
  const enumeration = enumOfField(field);
  if (enumeration)
    return `one of ${restEnumValues(enumeration)
      .map(({ name }) => restEnumName(enumeration, name))
      .join(", ")}`;
  if (messageOfField(field)?.typeName === "google.protobuf.Timestamp")
    return "a time, for example 2026-03-31T12:00:00Z";
  const scalar = "scalar" in field ? field.scalar : undefined;
  switch (scalar) {
    case undefined:
      return "an object";
    case ScalarType.STRING:
      return "text";
    case ScalarType.BOOL:
      return "true or false";
    case ScalarType.BYTES:
      return "text in base64";
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return "a number";
    case ScalarType.UINT32:
    case ScalarType.UINT64:
      return "a whole number, 0 or more";
    default:
      return "a whole number";
  }
}

function namesOf(schema: DescMessage): string {
  return schema.fields.map(restName).join(", ") || "none";
}

function mapValues(
  field: DescField,
  value: JsonValue,
  one: (field: DescField, value: JsonValue) => unknown,
): unknown {
  if (field.fieldKind === "list")
    return Array.isArray(value) ? value.map((item) => one(field, item)) : value;
  if (field.fieldKind === "map")
    return isObject(value)
      ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, one(field, item)]))
      : value;
  return one(field, value);
}

/** The REST form of an enum value: without the prefix of its enum, in lower case; empty for the one that says none. */
export function restEnumName(enumeration: DescEnum, name: string): string {
  if (name === enumeration.values[0]?.name) return "";
  const prefix = `${enumeration.name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()}_`;
  return name.slice(name.startsWith(prefix) ? prefix.length : 0).toLowerCase();
}

/** The values of an enum that REST callers are offered: all but the first, X_UNSPECIFIED, which says none. */
export function restEnumValues(enumeration: DescEnum): readonly DescEnumValue[] {
  return enumeration.values.slice(1);
}

function messageOfField(field: DescField): DescMessage | undefined {
  return "message" in field ? field.message : undefined;
}

function enumOfField(field: DescField): DescEnum | undefined {
  return "enum" in field ? field.enum : undefined;
}

/** int64, uint64, fixed64, sfixed64 and sint64: `ScalarType` of protobuf's descriptor. */
const INT64_TYPES: ReadonlySet<number> = new Set([3, 4, 6, 16, 18]);

function isInt64(field: DescField): boolean {
  return "scalar" in field && field.scalar !== undefined && INT64_TYPES.has(field.scalar);
}

function isWellKnown(schema: DescMessage): boolean {
  return schema.typeName.startsWith("google.protobuf.");
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function invalid(field: string, message: string): Failure {
  return invalidRequest([{ field, message }]);
}
