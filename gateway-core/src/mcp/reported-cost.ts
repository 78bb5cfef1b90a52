import { microsFromUsd } from "@gatewayops/platform/rpc/rest-json";
import { jsonTextOf, membersOf } from "./json-members.ts";
import { afterString, endsEscaped, keyFrom, TOKEN_MAX } from "./streamed-strings.ts";

/** The member of a result's `_meta` in which a server says what the call costs: `{"usd": "0.0042"}`. */
export const COST_META = "io.gatewayops/cost";

/** What an answer says that it costs, in micro-USD. Undefined: nothing. "invalid": something that is no price. */
export type ReportedCost = bigint | "invalid" | undefined;

/** Bytes of a `_meta` that is read for a price. */
export const META_MAX_BYTES = 16 * 1024;
/** Most that is believed, 1000 USD: no rule's price is higher. */
const REPORTED_MAX_USD_MICROS = 1_000_000_000n;
/** A decimal number of dollars with at most six places, as text: JSON's numbers are floats to most who write them. */
const USD = /^(?:0|[1-9]\d{0,3})(?:\.\d{1,6})?$/;

const QUOTE = 0x22;

/**
 * Reads the price out of a JSON-RPC answer while its bytes stream past. Keeps `result._meta`, of at most
 * `META_MAX_BYTES`, whatever the answer's size. What is said twice, or is no price, is invalid: parsers may disagree on it.
 */
export class ReportedCostScan {
  #depth = 0;
  #inString = false;
  #isEscaped = false;
  /** True where the next string is a key of the message or of its result. */
  #expectsKey = false;
  #isKey = false;
  #isObjectAt1 = false;
  #isObjectAt2 = false;
  #token = "";
  #keyAt1 = "";
  #keyAt2 = "";
  /** Where in the bytes that are read the part of `_meta` begins that is not kept yet; -1: they are not in it. */
  #from = -1;
  #kept: Buffer[] = [];
  #keptBytes = 0;
  #metas = 0;

  /** Begins anew, for the next message of a stream. */
  reset(): void {
    this.#depth = 0;
    this.#inString = this.#isEscaped = this.#expectsKey = this.#isKey = false;
    this.#token = this.#keyAt1 = this.#keyAt2 = "";
    this.#from = -1;
    this.#kept = [];
    this.#keptBytes = 0;
    this.#metas = 0;
  }

  feed(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#inString) at = this.#string(bytes, at);
      else this.#structure(bytes, at++);
    }
    if (this.#from < 0) return;
    this.#keep(bytes, bytes.length);
    this.#from = 0;
  }

  /** What the message said, once all of it was fed. */
  get cost(): ReportedCost {
    if (this.#metas === 0) return undefined;
    if (this.#metas > 1 || this.#keptBytes > META_MAX_BYTES) return "invalid";
    return costIn(Buffer.concat(this.#kept));
  }

  #string(bytes: Buffer, from: number): number {
    const after = afterString(bytes, from, this.#isEscaped);
    const end = after < 0 ? bytes.length : after - 1;
    if (this.#isKey && this.#token.length <= TOKEN_MAX)
      this.#token += bytes.toString("latin1", from, Math.min(end, from + TOKEN_MAX + 1));
    this.#isEscaped = after < 0 && endsEscaped(bytes, from, this.#isEscaped);
    if (after < 0) return bytes.length;
    this.#inString = false;
    if (this.#isKey) this.#keyEnds();
    return after;
  }

  #keyEnds(): void {
    this.#isKey = this.#expectsKey = false;
    if (this.#depth === 2) this.#keyAt2 = keyFrom(this.#token);
    else {
      this.#keyAt1 = keyFrom(this.#token);
      this.#keyAt2 = "";
    }
  }

  #structure(bytes: Buffer, at: number): void {
    switch (bytes[at]) {
      case QUOTE:
        this.#inString = true;
        this.#isKey = this.#expectsKey;
        this.#token = "";
        return;
      case 0x7b: // {
        this.#opens(true);
        return;
      case 0x5b: // [
        this.#opens(false);
        return;
      case 0x7d: // }
      case 0x5d: // ]
        this.#valueEnds(bytes, at);
        this.#depth--;
        this.#expectsKey = false;
        return;
      case 0x2c: // ,
        this.#valueEnds(bytes, at);
        this.#expectsKey =
          (this.#depth === 1 && this.#isObjectAt1) || (this.#depth === 2 && this.#isObjectAt2);
        return;
      case 0x3a: // :
        if (this.#depth !== 2 || this.#keyAt2 !== "_meta" || this.#keyAt1 !== "result") return;
        this.#metas++;
        this.#from = at + 1;
        return;
    }
  }

  #opens(isObject: boolean): void {
    this.#depth++;
    if (this.#depth === 1) this.#isObjectAt1 = isObject;
    if (this.#depth === 2) this.#isObjectAt2 = isObject;
    this.#expectsKey = isObject && this.#depth <= 2;
  }

  #valueEnds(bytes: Buffer, at: number): void {
    if (this.#depth !== 2 || this.#from < 0) return;
    this.#keep(bytes, at);
    this.#from = -1;
    this.#keyAt2 = "";
  }

  /** Copies, so that a few bytes do not hold all that came with them. */
  #keep(bytes: Buffer, end: number): void {
    const part = bytes.subarray(this.#from, end);
    this.#keptBytes += part.length;
    if (this.#keptBytes <= META_MAX_BYTES) this.#kept.push(Buffer.from(part));
    else this.#kept = [];
  }
}

/** What a whole JSON-RPC answer says that it costs. */
export function reportedCostOf(answer: Buffer): ReportedCost {
  const scan = new ReportedCostScan();
  scan.feed(answer);
  return scan.cost;
}

/** @param meta JSON, as the server wrote it, of a `_meta` */
function costIn(meta: Buffer): ReportedCost {
  const cost = onlyMember(meta, COST_META);
  if (cost === undefined || cost === "invalid") return cost;
  const usd = onlyMember(cost, "usd");
  if (usd === undefined || usd === "invalid") return "invalid";
  const text: unknown = JSON.parse(usd.toString("utf8"));
  const micros = typeof text === "string" && USD.test(text) ? microsFromUsd(text) : undefined;
  return micros === undefined || micros > REPORTED_MAX_USD_MICROS ? "invalid" : micros;
}

/** The member of a name; undefined when there is none; "invalid" when there are two, or the JSON is broken. */
function onlyMember(json: Buffer, name: string): Buffer | "invalid" | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json.toString("utf8"));
  } catch {
    return "invalid"; // What is no JSON has no price.
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const [member, another] = membersOf(jsonTextOf(json)).filter(({ key }) => key === name);
  if (another) return "invalid";
  return member && json.subarray(member.start, member.end);
}
