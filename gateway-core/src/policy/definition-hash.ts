import { hash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import canonicalize from "canonicalize";
import { elementsOf, jsonTextOf, membersOf, type JsonText } from "../mcp/json-members.ts";

/** Deeper definitions are taken as they are. */
const DEPTH_MAX = 64;

/**
 * SHA-256 of a tool's definition in hexadecimal digits: of its canonical form (RFC 8785), so that spaces and the order
 * of members make no other definition.
 *
 * The canonical form is one of what a parser in JavaScript sees. What it would see alike though it is not, numbers that
 * no double holds, members of one name, broken Unicode, is hashed as the bytes it came in: then every change counts.
 *
 * @param definition JSON of an object, without spaces before it
 */
export function definitionHash(definition: Buffer): string {
  return hash("sha256", canonicalOf(definition) ?? definition, "hex");
}

function canonicalOf(definition: Buffer): string | undefined {
  if (!isUtf8(definition)) return undefined;
  const json = jsonTextOf(definition);
  if (json.text[0] !== "{" || !isUnambiguous(json, 0, 0)) return undefined;
  try {
    return canonicalize(JSON.parse(definition.toString("utf8")));
  } catch {
    return undefined; // A lone surrogate, which RFC 8785 §3.2.2.2 refuses.
  }
}

/** True when the value at an offset is the same to every parser. */
function isUnambiguous(json: JsonText, offset: number, depth: number): boolean {
  if (depth > DEPTH_MAX) return false;
  const first = json.text[offset] ?? "";
  if (first === "{") {
    const members = membersOf(json, offset);
    return (
      new Set(members.map(({ key }) => key)).size === members.length &&
      members.every(({ start, end }) => isMemberUnambiguous(json, { start, end }, depth))
    );
  }
  if (first === "[")
    return elementsOf(json, offset).every((element) => isMemberUnambiguous(json, element, depth));
  return true;
}

function isMemberUnambiguous(
  json: JsonText,
  { start, end }: { readonly start: number; readonly end: number },
  depth: number,
): boolean {
  const first = json.text[start] ?? "";
  return first === "-" || (first >= "0" && first <= "9")
    ? isExact(json.text.slice(start, end))
    : isUnambiguous(json, start, depth + 1);
}

/** True when the double that a number is read as is written as the same number again. */
function isExact(text: string): boolean {
  return decimalOf(text) === decimalOf(String(Number(text)));
}

/** A number as its digits without zeros at the ends and the power of ten of the last one: 1, 1.0 and 10e-1 are one. */
function decimalOf(text: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  if (whole === "") return text; // "Infinity": no number of JSON is written so.
  const digits = `${whole}${fraction}`.replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + (digits.length - significant.length);
  return `${sign}${significant}e${power}`;
}
