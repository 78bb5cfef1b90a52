import { elementsOf, jsonTextOf, memberNamed, membersOf } from "../mcp/json-members.ts";
import { editsOfObject, splice } from "../mcp/json-splice.ts";

/** A JSON object from a server: its values for typed fields, its bytes for all that has none. */
export class JsonObject {
  readonly bytes: Buffer;
  readonly #values: Readonly<Record<string, unknown>>;

  /** @param bytes valid JSON; what is no object counts as an empty one */
  constructor(bytes: Buffer) {
    const value: unknown = bytes.length === 0 ? {} : JSON.parse(bytes.toString("utf8"));
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    this.bytes = isObject ? bytes : EMPTY_OBJECT;
    this.#values = isObject ? (value as Record<string, unknown>) : {};
  }

  /** The member's text; undefined when it is none. */
  text(name: string): string | undefined {
    const value = this.#own(name);
    return typeof value === "string" ? value : undefined;
  }

  /** The member's number; undefined when it is none. */
  number(name: string): number | undefined {
    const value = this.#own(name);
    return typeof value === "number" ? value : undefined;
  }

  isTrue(name: string): boolean {
    return this.#own(name) === true;
  }

  /** The member as it stands in the bytes; empty when there is none. */
  json(name: string): Buffer {
    const member = memberNamed(membersOf(jsonTextOf(this.bytes)), name);
    return member ? this.bytes.subarray(member.start, member.end) : Buffer.alloc(0);
  }

  object(name: string): JsonObject {
    return new JsonObject(this.json(name));
  }

  /** The objects of the member's array; none when it is no array. */
  objects(name: string): JsonObject[] {
    return this.#elements(name).map((bytes) => new JsonObject(bytes));
  }

  /** The texts of the member's array. */
  texts(name: string): string[] {
    const value = this.#own(name);
    return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
  }

  /** The object without some members; empty when nothing is left. */
  without(...names: string[]): Buffer {
    const json = jsonTextOf(this.bytes);
    const remove = new Set(names);
    if (membersOf(json).every(({ key }) => remove.has(key))) return Buffer.alloc(0);
    return splice(this.bytes, editsOfObject(json, 0, { remove }));
  }

  #elements(name: string): Buffer[] {
    if (!Array.isArray(this.#own(name))) return [];
    const json = this.json(name);
    return elementsOf(jsonTextOf(json)).map(({ start, end }) => json.subarray(start, end));
  }

  #own(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }
}

const EMPTY_OBJECT = Buffer.from("{}");
