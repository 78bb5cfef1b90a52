import { endOfString, type JsonText } from "./json-members.ts";

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * True when objects and arrays are nested deeper than a bound. Asked before a text is parsed: a parser keeps a good
 * hundred bytes for each level, and others further on recurse.
 *
 * @param json a text that may not be JSON
 */
export function isDeeperThan({ bytes, text }: JsonText, most: number): boolean {
  let depth = 0;
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > most) return true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    at++;
  }
  return false;
}
