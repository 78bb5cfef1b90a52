import {
  getOption,
  hasOption,
  ScalarType,
  type DescEnum,
  type DescField,
  type DescMessage,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  field as fieldRules,
  Ignore,
  type FieldRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { rest_usd } from "@gatewayops/proto/gatewayops/common/v1/options_pb";
import { restEnumName, restEnumValues } from "@gatewayops/platform/rpc/rest-json";
import type { RestRoute } from "@gatewayops/platform/rpc/rest-routes";
import { commentOf } from "./comments.ts";

export type JsonObject = { [name: string]: unknown };

/** Whether a message is read from a request or written into an answer. */
export type Direction = "request" | "answer";

/**
 * JSON Schemas of messages in their REST form (platform/src/rpc/rest-json.ts): names as in the .proto, short enum
 * values, 64-bit integers as numbers, `rest_usd` fields in dollars. Collects what it was asked to refer to.
 */
export type SchemaBook = {
  /** A `$ref` to the schema of a message of an answer. */
  reference(message: DescMessage): JsonObject;
  /** A `$ref` to the body of a route: its request without what its path says. */
  requestSchema(route: RestRoute, inPath: ReadonlySet<string | undefined>): JsonObject;
  fieldSchema(field: DescField, direction: Direction): JsonObject;
  fieldName(field: DescField): string;
  /** True when a request without the field is refused. */
  isRequired(field: DescField): boolean;
  /** Everything referred to, by name. */
  schemas(): JsonObject;
};

/** @param routes all routes of the document: what requests hold is not marked as always present */
export function createSchemaBook(routes: readonly RestRoute[]): SchemaBook {
  const asked = new Set<DescMessage>();
  for (const route of routes) collect(route.method.input, asked);
  const schemas = new Map<string, JsonObject>();
  const owners = new Map<string, string>();
  return {
    reference,
    requestSchema(route, inPath) {
      const { input } = route.method;
      return put(input, () =>
        objectSchema(
          input,
          input.fields.filter((field) => !inPath.has(field.name)),
          "request",
        ),
      );
    },
    fieldSchema,
    fieldName,
    isRequired,
    schemas: () => Object.fromEntries([...schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
  };

  function reference(message: DescMessage): JsonObject {
    const direction = asked.has(message) ? "request" : "answer";
    return put(message, () => objectSchema(message, message.fields, direction));
  }

  function put(type: DescMessage | DescEnum, make: () => JsonObject): JsonObject {
    const { name, typeName } = type;
    const owner = owners.get(name);
    if (owner !== undefined && owner !== typeName)
      throw new Error(`${owner} and ${typeName} would share the schema name ${name}.`);
    if (owner === undefined) {
      owners.set(name, typeName);
      schemas.set(name, make());
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  function objectSchema(
    message: DescMessage,
    fields: readonly DescField[],
    direction: Direction,
  ): JsonObject {
    const required = fields.filter((field) =>
      direction === "answer" ? isAlwaysThere(field) : isRequired(field),
    );
    return {
      type: "object",
      description: commentOf(message),
      ...(required.length === 0 ? {} : { required: required.map(fieldName) }),
      properties: Object.fromEntries(
        fields.map((field) => [fieldName(field), fieldSchema(field, direction)]),
      ),
    };
  }

  function fieldSchema(field: DescField, direction: Direction): JsonObject {
    const rules = direction === "request" ? constraintsOf(field) : {};
    if (getOption(field, rest_usd) !== "")
      return { type: "number", ...inDollars(rules), description: dollarComment(commentOf(field)) };
    return { ...typeSchema(field, rules), description: commentOf(field) };
  }

  function typeSchema(field: DescField, rules: JsonObject): JsonObject {
    switch (field.fieldKind) {
      case "list":
        return { type: "array", items: elementSchema(field), ...rules };
      case "map":
        return { type: "object", additionalProperties: elementSchema(field), ...rules };
      default:
        return { ...elementSchema(field), ...rules };
    }
  }

  function elementSchema(field: DescField): JsonObject {
    if (field.message) return messageSchema(field.message);
    if (field.enum) return enumSchema(field.enum);
    return scalarSchema(field.scalar);
  }

  function messageSchema(message: DescMessage): JsonObject {
    if (message.typeName === "google.protobuf.Timestamp")
      return { type: "string", format: "date-time" };
    if (message.typeName.startsWith("google."))
      throw new Error(`Say in tools/openapi/schemas.ts how ${message.typeName} looks in REST.`);
    return reference(message);
  }

  function enumSchema(type: DescEnum): JsonObject {
    return put(type, () => ({
      type: "string",
      description: [
        commentOf(type),
        ...restEnumValues(type).map(
          (value) => `${restEnumName(type, value.name)}: ${commentOf(value)}`,
        ),
      ].join(" "),
      enum: restEnumValues(type).map(({ name }) => restEnumName(type, name)),
    }));
  }
}

function collect(message: DescMessage, into: Set<DescMessage>): void {
  if (into.has(message)) return;
  into.add(message);
  for (const field of message.fields) if (field.message) collect(field.message, into);
}

function fieldName(field: DescField): string {
  return getOption(field, rest_usd) || field.name;
}

/** Answers hold every field without presence, empty or not; messages and `optional` fields only when they are set. */
function isAlwaysThere(field: DescField): boolean {
  return field.presence === FeatureSet_FieldPresence.IMPLICIT;
}

function scalarSchema(type: ScalarType | undefined): JsonObject {
  switch (type) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.DOUBLE:
      return { type: "number" };
    case ScalarType.INT32:
      return { type: "integer", format: "int32" };
    case ScalarType.INT64:
      return { type: "integer", format: "int64" };
    case ScalarType.UINT32:
      return { type: "integer", minimum: 0, maximum: 4294967295 };
    default:
      throw new Error(`Say in tools/openapi/schemas.ts how scalar ${String(type)} looks in REST.`);
  }
}

function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
}

/** protovalidate rules that JSON Schema can say. Rules it cannot say are in the description. */
function constraintsOf(field: DescField): JsonObject {
  const rules = rulesOf(field);
  // "Empty, or else …" takes two schemas; the description says it in a few words.
  if (rules?.ignore === Ignore.IF_ZERO_VALUE) return {};
  const type = rules?.type;
  switch (type?.case) {
    case "string": {
      const { minLen, maxLen, pattern, in: choices, wellKnown } = type.value;
      return {
        ...(minLen > 0n ? { minLength: Number(minLen) } : {}),
        ...(maxLen > 0n ? { maxLength: Number(maxLen) } : {}),
        ...(pattern === "" ? {} : { pattern }),
        ...(choices.length === 0 ? {} : { enum: choices }),
        ...(wellKnown.case === undefined ? {} : { format: wellKnown.case }),
      };
    }
    case "uint32":
    case "int64": {
      const { greaterThan, lessThan } = type.value;
      return {
        ...(greaterThan.case === "gte" ? { minimum: Number(greaterThan.value) } : {}),
        ...(lessThan.case === "lte" ? { maximum: Number(lessThan.value) } : {}),
      };
    }
    default:
      return {};
  }
}

/** True when the rules refuse the value that an absent field has. */
function isRequired(field: DescField): boolean {
  const rules = rulesOf(field);
  if (!rules) return false;
  if (rules.required) return true;
  if (!isAlwaysThere(field)) return false;
  const { minLength, minimum, pattern, format, enum: choices } = constraintsOf(field);
  return (
    Number(minLength ?? 0) > 0 ||
    Number(minimum ?? 0) > 0 ||
    (typeof pattern === "string" && !new RegExp(pattern).test("")) ||
    format !== undefined ||
    (Array.isArray(choices) && !choices.includes(""))
  );
}

const MICROS_PER_USD = 1_000_000;

function inDollars({ minimum, maximum }: JsonObject): JsonObject {
  return {
    ...(typeof minimum === "number" ? { minimum: minimum / MICROS_PER_USD } : {}),
    ...(typeof maximum === "number" ? { maximum: maximum / MICROS_PER_USD } : {}),
  };
}

/** The comment of a micro-USD field in the unit of REST. */
function dollarComment(comment: string): string {
  return comment
    .replace(/in micro-USD/, "in US dollars with at most six decimals")
    .replace(/, 0 to \d+ \((\d+) USD\)/, ", 0 to $1");
}
