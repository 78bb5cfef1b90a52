/** A member of a JSON object by byte offsets of its value. */
export type Member = { readonly key: string; readonly start: number; readonly end: number };

/**
 * Lists the members of the JSON object that begins at an offset, without reading their values: what is forwarded is
 * cut out of the original bytes, never written anew.
 *
 * @param json valid JSON; check it with JSON.parse first
 * @param offset where the object's "{" is, or white space before it
 */
export function membersOf(json: Buffer, offset = 0): Member[] {
  const members: Member[] = [];
  let at = skipSpace(json, offset) + 1;
  for (;;) {
    at = skipSpace(json, at);
    if (json[at] === CLOSE_BRACE || at >= json.length) return members;
    const keyEnd = endOfString(json, at);
    const key = keyText(json, at, keyEnd);
    const start = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = endOfValue(json, start);
    members.push({ key, start, end });
    at = skipSpace(json, end);
    if (json[at] === COMMA) at += 1;
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

function skipSpace(json: Buffer, from: number): number {
  let at = from;
  while (json[at] === 0x20 || json[at] === 0x0a || json[at] === 0x0d || json[at] === 0x09) at++;
  return at;
}

/** The offset after a string that begins at `from`. */
function endOfString(json: Buffer, from: number): number {
  let at = from + 1;
  for (;;) {
    const quote = json.indexOf(QUOTE, at);
    if (quote < 0) return json.length;
    let backslashes = 0;
    while (json[quote - 1 - backslashes] === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** Keys may hide behind escapes ("m\u0065thod"): what is compared is what a parser would see. */
function keyText(json: Buffer, start: number, end: number): string {
  const text = json.toString("utf8", start + 1, end - 1);
  return text.includes("\\") ? (JSON.parse(`"${text}"`) as string) : text;
}

function endOfValue(json: Buffer, from: number): number {
  const first = json[from];
  if (first === QUOTE) return endOfString(json, from);
  if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return endOfScalar(json, from);
  let depth = 0;
  let at = from;
  while (at < json.length) {
    const byte = json[at];
    if (byte === QUOTE) {
      at = endOfString(json, at);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    at++;
    if (depth === 0) return at;
  }
  return at;
}

function endOfScalar(json: Buffer, from: number): number {
  let at = from;
  for (let byte = json[at]; byte !== undefined; byte = json[++at])
    if (byte === COMMA || byte === CLOSE_BRACE || byte === CLOSE_BRACKET || byte <= 0x20) break;
  return at;
}
