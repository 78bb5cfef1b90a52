import { Failure } from "../errors.ts";

const MICROS_PER_USD = 1_000_000n;
const NIL_UUID = "00000000-0000-0000-0000-000000000000";

/** Micro-USD as the decimal text of a `Decimal64(6)` in US dollars, exact: 1234567n is "1.234567". */
export function usdFromMicros(micros: bigint): string {
  const sign = micros < 0n ? "-" : "";
  const size = micros < 0n ? -micros : micros;
  const fraction = String(size % MICROS_PER_USD).padStart(6, "0");
  return `${sign}${String(size / MICROS_PER_USD)}.${fraction}`;
}

/** Micro-USD of a decimal text in US dollars with at most six places, exact: "1.5" is 1500000n. */
export function microsFromUsd(usd: string): bigint {
  const match = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(usd);
  if (!match) throw new Error(`${usd} is not an amount in US dollars with at most six places`);
  const micros = BigInt(match[2] ?? "0") * MICROS_PER_USD + BigInt((match[3] ?? "").padEnd(6, "0"));
  return match[1] === "-" ? -micros : micros;
}

/** Microseconds since 1970-01-01 UTC as the text of a `DateTime64(6, 'UTC')`: "2026-11-23 14:30:00.000001". */
export function dateTimeFromMicros(micros: bigint): string {
  const seconds = Number(micros / 1_000_000n);
  // Times of one batch lie close together, and the calendar is most of the work.
  if (seconds !== lastSeconds) {
    lastText = new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
    lastSeconds = seconds;
  }
  return `${lastText}.${String(micros % 1_000_000n).padStart(6, "0")}`;
}

let lastSeconds = Number.NaN;
let lastText = "";

/** Microseconds since 1970-01-01 UTC of the text of a `DateTime` or `DateTime64` in UTC. */
export function microsFromDateTime(text: string): bigint {
  const [seconds = "", fraction = ""] = text.split(".");
  const ms = Date.parse(`${seconds.replace(" ", "T")}Z`);
  if (Number.isNaN(ms)) throw new Error(`${text} is not a date with time`);
  return BigInt(ms) * 1000n + BigInt(fraction.padEnd(6, "0").slice(0, 6));
}

/** A UUID column's text, empty for none, which the column holds as the nil UUID. */
export function textOrEmpty(uuid: string): string {
  return uuid === NIL_UUID ? "" : uuid;
}

/** An opaque cursor of a keyset: the key of the last row of a page. */
export function cursorOf(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/**
 * The key in a cursor, undefined for the empty cursor of a first page.
 *
 * @throws Failure REQUEST_INVALID when it is not a cursor whose parts match the patterns
 */
export function keyOf(cursor: string, parts: readonly RegExp[]): string[] | undefined {
  if (cursor === "") return undefined;
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    key = undefined; // Not JSON: not one of our cursors.
  }
  const fits =
    Array.isArray(key) &&
    key.length === parts.length &&
    parts.every((part, index) => typeof key[index] === "string" && part.test(key[index]));
  if (fits) return key as string[];
  throw new Failure(
    "REQUEST_INVALID",
    "The cursor is not one this method gave. Start from the first page.",
    {
      details: [{ field: "cursor", message: "is not a cursor of this method" }],
    },
  );
}
