import { getOption, type DescField } from "@bufbuild/protobuf";
import type { Violation } from "@bufbuild/protovalidate";
import {
  field as fieldRules,
  type FieldRules,
  type StringRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { must_be, rest_usd } from "@gatewayops/proto/gatewayops/common/v1/options_pb";
import type { FieldProblem } from "../errors.ts";
import { restName, usdFromMicros } from "./rest-json.ts";

/** In whose words a problem is told: names and units are those of the .proto or of REST. */
export type Face = "proto" | "rest";

/** What a broken rule asks for. */
export function problemOf(violation: Violation, face: Face): FieldProblem {
  return { field: pathOf(violation.field, face), message: wordsOf(violation, face) };
}

function pathOf(path: Violation["field"], face: Face): string {
  let text = "";
  for (const part of path) {
    if (part.kind === "list_sub") text += `[${part.index}]`;
    else if (part.kind === "map_sub") text += `[${part.key}]`;
    else {
      const name = part.kind === "field" && face === "rest" ? restName(part) : part.name;
      text += text === "" ? name : `.${name}`;
    }
  }
  return text;
}

function wordsOf(violation: Violation, face: Face): string {
  const { field: path, message, ruleId } = violation;
  if (ruleId === "required") return "is required";
  const field = path.findLast((part) => part.kind === "field");
  if (!field) return message;
  const type = rulesOf(field, path.at(-1)?.kind === "list_sub");
  switch (type?.case) {
    case "string":
      return textWords(ruleId, type.value, getOption(field, must_be)) ?? message;
    case "uint32":
    case "int64":
      return numberWords(type.value, face === "rest" && getOption(field, rest_usd) !== "");
    case "repeated":
      return `must have at most ${type.value.maxItems} entries`;
    case "enum":
      return "must be one of the values that there are";
    default:
      return message;
  }
}

function rulesOf(field: DescField, ofElement: boolean): FieldRules["type"] | undefined {
  const { type } = getOption(field, fieldRules);
  return ofElement && type.case === "repeated" ? type.value.items?.type : type;
}

function textWords(ruleId: string, rules: StringRules, mustBe: string): string | undefined {
  switch (ruleId.replace(/_empty$/, "")) {
    case "string.pattern":
      return mustBe === "" ? undefined : `must be ${mustBe}`;
    case "string.min_len":
    case "string.max_len":
      return lengthWords(rules.minLen, rules.maxLen);
    case "string.in":
      return `must be one of ${rules.in.filter((choice) => choice !== "").join(", ")}`;
    case "string.uuid":
      return "must be a UUID, for example 019abcde-0000-7000-8000-000000000001";
    case "string.email":
      return "must be an e-mail address, for example ann@example.com";
    case "string.uri":
      return "must be a URL, for example https://mcp.example.com/mcp";
    default:
      return undefined;
  }
}

/** @param max 0: no bound */
function lengthWords(min: bigint, max: bigint): string {
  if (max === 0n) return min === 1n ? "must not be empty" : `must have at least ${min} characters`;
  return min === 0n
    ? `must have at most ${max} characters`
    : `must have ${min} to ${max} characters`;
}

type NumberRules = Extract<FieldRules["type"], { case: "uint32" | "int64" }>["value"];

function numberWords({ greaterThan, lessThan }: NumberRules, inDollars: boolean): string {
  const bound = (value: bigint | number | undefined): string | undefined =>
    value === undefined || !inDollars ? value?.toString() : usdFromMicros(BigInt(value));
  const least = greaterThan.case === "gte" ? bound(greaterThan.value) : undefined;
  const most = lessThan.case === "lte" ? bound(lessThan.value) : undefined;
  const kind = inDollars ? "an amount in US dollars" : "a whole number";
  if (most === undefined) return `must be ${kind}, at least ${least ?? "0"}`;
  return `must be ${kind} from ${least ?? "0"} to ${most}`;
}
