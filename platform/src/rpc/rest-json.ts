import {
  fromJson,
  getOption,
  toJson,
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  type MessageShape,
} from "@bufbuild/protobuf";
import { rest_usd } from "@gatewayops/proto/gatewayops/common/v1/options_pb";
import { Failure } from "../errors.ts";

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
  try {
    return fromJson(schema, inward(schema, json));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure("REQUEST_INVALID", messageOf(error), { cause: error });
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
  if (enumeration && typeof value === "string") return shortEnumName(enumeration, value);
  if (isInt64(field) && typeof value === "string") return JSON.rawJSON(value);
  return value;
}

function inward(schema: DescMessage, json: JsonValue): JsonValue {
  if (isWellKnown(schema) || !isObject(json)) return json;
  const out: JsonObject = {};
  const usdFields = new Map(schema.fields.map((field) => [getOption(field, rest_usd), field]));
  const fields = new Map(schema.fields.map((field) => [field.name, field]));
  for (const [name, value] of Object.entries(json)) {
    const usd = usdFields.get(name);
    const field = fields.get(name);
    if (name !== "" && usd) out[usd.name] = usdInward(name, value);
    else if (field) out[name] = mapValues(field, value, inwardOne) as JsonValue;
    else throw invalid(name, `is not a field of this request`);
  }
  return out;
}

function usdInward(name: string, value: JsonValue): string {
  const micros =
    typeof value === "number" || typeof value === "string"
      ? microsFromUsd(String(value))
      : undefined;
  if (micros === undefined) throw invalid(name, "must be US dollars with at most six decimals");
  return micros.toString();
}

function inwardOne(field: DescField, value: JsonValue): JsonValue {
  const message = messageOfField(field);
  if (message) return inward(message, value);
  const enumeration = enumOfField(field);
  if (enumeration && typeof value === "string") {
    const found = enumeration.values.find(
      (item) => shortEnumName(enumeration, item.name) === value,
    );
    if (!found)
      throw invalid(
        field.name,
        `must be one of ${enumeration.values.map((item) => shortEnumName(enumeration, item.name)).join(", ")}`,
      );
    return found.name;
  }
  return value;
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

/** The REST form of an enum value: without the prefix of its enum, in lower case. */
export function shortEnumName(enumeration: DescEnum, name: string): string {
  const prefix = `${enumeration.name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()}_`;
  return name.slice(name.startsWith(prefix) ? prefix.length : 0).toLowerCase();
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
  return new Failure("REQUEST_INVALID", `${field}: ${message}`, { details: [{ field, message }] });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
