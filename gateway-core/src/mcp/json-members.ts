/** JSON that is nested deeper than it may be. */
export class TooDeepError extends Error {}

/** A member of a JSON object: where its name begins, and where its value does and ends, in bytes. */
export type Member = {
  readonly key: string;
  readonly keyStart: number;
  readonly start: number;
  readonly end: number;
};

/**
 * JSON in bytes and in Latin-1, one character for each byte, so that offsets are the same in both: bytes are quick to
 * look at one by one, text is quick to search and to cut.
 */
export type JsonText = { readonly bytes: Buffer; readonly text: string };

export function jsonTextOf(bytes: Buffer): JsonText {
  return { bytes, text: bytes.toString("latin1") };
}

/**
 * Lists the members of the JSON object that begins at an offset, without reading their values: what is forwarded is
 * cut out of the original bytes, never written anew.
 *
 * @param json valid JSON; check it with JSON.parse first
 * @param offset where the object's "{" is, or white space before it
 * @param depthMax levels below the object that its members may have
 * @throws TooDeepError
 */
export function membersOf(
  { bytes, text }: JsonText,
  offset = 0,
  depthMax = Number.POSITIVE_INFINITY,
): Member[] {
  const members: Member[] = [];
  let at = skipSpace(bytes, offset) + 1;
  for (;;) {
    at = skipSpace(bytes, at);
    if (at >= bytes.length || bytes[at] === CLOSE_BRACE) return members;
    const keyStart = at;
    const keyEnd = endOfString(text, at);
    const key = keyText(text, at + 1, keyEnd - 1);
    const start = skipSpace(bytes, skipSpace(bytes, keyEnd) + 1);
    const end = endOfValue(bytes, text, start, depthMax);
    members.push({ key, keyStart, start, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at += 1;
  }
}

/** The member of a name, undefined when there is none. */
export function memberNamed(members: readonly Member[], name: string): Member | undefined {
  for (const member of members) if (member.key === name) return member;
  return undefined;
}

/** The value of a JSON object's member as it stands in the bytes; empty when there is none. */
export function memberText(object: Buffer, name: string): string {
  const member = memberNamed(membersOf(jsonTextOf(object)), name);
  return member ? object.toString("utf8", member.start, member.end) : "";
}

/** Names of members, from the outermost. */
export type Path = readonly string[];

/** The value at a path; undefined when there is none. Of members with one name the last counts, as parsers have it. */
export function memberAt(json: JsonText, path: Path): Member | undefined {
  let offset = 0;
  let found: Member | undefined;
  for (const name of path) {
    if (found && json.bytes[found.start] !== OPEN_BRACE) return undefined;
    found = membersOf(json, offset).findLast(({ key }) => key === name);
    if (!found) return undefined;
    offset = found.start;
  }
  return found;
}

/** The JSON text of the value at a path, as it stands in the message. Undefined: there is none. */
export function textAt(message: Buffer, path: Path): string | undefined {
  const member = memberAt(jsonTextOf(message), path);
  return member && message.toString("utf8", member.start, member.end);
}

/** The text that a JSON object's member is; undefined when the object has none, or it is no text. */
export function memberString(object: Buffer, name: string): string | undefined {
  const text = memberText(object, name);
  return text.startsWith('"') ? (JSON.parse(text) as string) : undefined;
}

/** Offsets of the elements of the JSON array that begins at an offset, as `membersOf` has those of an object. */
export function elementsOf(
  { bytes, text }: JsonText,
  offset = 0,
): { readonly start: number; readonly end: number }[] {
  const elements: { start: number; end: number }[] = [];
  let at = skipSpace(bytes, offset) + 1;
  for (;;) {
    const start = skipSpace(bytes, at);
    if (start >= bytes.length || bytes[start] === CLOSE_BRACKET) return elements;
    const end = endOfValue(bytes, text, start, Number.POSITIVE_INFINITY);
    elements.push({ start, end });
    at = skipSpace(bytes, end);
    if (bytes[at] === COMMA) at += 1;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/** The offset after a string that begins at `from`; of one that does not end the offset after the text. */
export function endOfString(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) return text.length;
    let backslashes = 0;
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** Keys may hide behind escapes ("m\u0065thod"): what is compared is what a parser would see. */
function keyText(json: string, start: number, end: number): string {
  const text = json.slice(start, end);
  if (!NEEDS_DECODING.test(text)) return text;
  const utf8 = Buffer.from(text, "latin1").toString("utf8");
  return utf8.includes("\\") ? (JSON.parse(`"${utf8}"`) as string) : utf8;
}

const NEEDS_DECODING = /[\\\x80-\xff]/;

function endOfValue(bytes: Buffer, text: string, from: number, depthMax: number): number {
  const first = bytes[from];
  if (first === QUOTE) return endOfString(text, from);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return endOfScalar(bytes, from);
  let depth = 0;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > depthMax) throw new TooDeepError();
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    at++;
    if (depth === 0) return at;
  }
  return at;
}

function endOfScalar(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte !== undefined; byte = bytes[++at])
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20) break;
  return at;
}
