const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Longest key or literal that is kept of a message that streams past. The longest looked for is "input_required", 84
 * bytes when every letter is escaped; a longer one is cut, and is none of those looked for.
 */
export const TOKEN_MAX = 128;

/** Stands for a key that is none of those looked for. */
const CUT = "…";

/**
 * The offset after the quote that ends the JSON string which goes on at `from`; -1 when it goes on beyond the bytes.
 *
 * @param isEscaped true when a backslash stands before the first byte
 */
export function afterString(bytes: Buffer, from: number, isEscaped: boolean): number {
  let at = isEscaped ? from + 1 : from;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) return -1;
    if (!isEscapedAt(bytes, at, quote)) return quote + 1;
    at = quote + 1;
  }
}

/** True when a backslash stands before what comes after the bytes, in a string that goes on beyond them. */
export function endsEscaped(bytes: Buffer, from: number, isEscaped: boolean): boolean {
  return isEscapedAt(bytes, isEscaped ? from + 1 : from, bytes.length);
}

/** The text of a key whose bytes, cut after `TOKEN_MAX`, are given in Latin-1. */
export function keyFrom(token: string): string {
  if (token.length > TOKEN_MAX) return CUT;
  return token.includes("\\") ? unescaped(token) : token;
}

function unescaped(token: string): string {
  try {
    return JSON.parse(`"${token}"`) as string;
  } catch {
    return CUT; // no JSON string, so no key
  }
}

function isEscapedAt(bytes: Buffer, from: number, at: number): boolean {
  let backslashes = 0;
  while (at - 1 - backslashes >= from && bytes[at - 1 - backslashes] === BACKSLASH) backslashes++;
  return backslashes % 2 === 1;
}
