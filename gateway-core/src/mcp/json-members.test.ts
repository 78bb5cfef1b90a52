import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { jsonTextOf, membersOf } from "./json-members.ts";

/** The members as text, by key. */
function textOf(json: string, offset = 0): [string, string][] {
  const bytes = Buffer.from(json);
  return membersOf(jsonTextOf(bytes), offset).map(({ key, start, end }) => [
    key,
    bytes.toString("utf8", start, end),
  ]);
}

/** JSON text of a value with any legal white space and any escapes a writer may choose. */
const spaces = fc.stringMatching(/^[ \t\r\n]{0,3}$/);

function escapedString(text: string, mask: readonly boolean[]): string {
  const chars = [...Array(text.length).keys()].map((index) => {
    const unit = text.charCodeAt(index);
    const isForced = unit < 0x20 || unit === 0x22 || unit === 0x5c || (unit & 0xf800) === 0xd800;
    return isForced || mask[index % Math.max(1, mask.length)] === true
      ? `\\u${unit.toString(16).padStart(4, "0")}`
      : text.charAt(index);
  });
  return `"${chars.join("")}"`;
}

const anyText = fc.oneof(fc.string({ unit: "binary" }), fc.string(), fc.constant('\\"'));
const stringJson = fc
  .tuple(anyText, fc.array(fc.boolean(), { maxLength: 8 }))
  .map(([text, mask]) => escapedString(text, mask));
const scalarJson = fc.oneof(
  stringJson,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.constantFrom("true", "false", "null", "0", "-1.5e+10", "123456789012345678901234567890"),
);

const { value: valueJson } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  value: fc.oneof({ maxDepth: 4 }, scalarJson, tie("object"), tie("array")),
  array: fc
    .tuple(fc.array(tie("value"), { maxLength: 4 }), spaces)
    .map(([items, space]) => `[${space}${items.join(`${space},`)}${space}]`),
  object: fc
    .tuple(fc.array(fc.tuple(stringJson, tie("value")), { maxLength: 4 }), spaces)
    .map(
      ([members, space]) =>
        `{${space}${members.map(([key, value]) => `${key}${space}:${space}${value}`).join(`${space},${space}`)}${space}}`,
    ),
}));

const objectJson = fc
  .tuple(fc.array(fc.tuple(stringJson, valueJson), { maxLength: 6 }), spaces, spaces)
  .map(([members, before, space]) => ({
    members,
    json: `${before}{${space}${members.map(([key, value]) => `${space}${key}${space}:${space}${value}${space}`).join(",")}}${space}`,
  }));

describe("membersOf", () => {
  it("lists the keys as a parser sees them and the values byte for byte", () => {
    fc.assert(
      fc.property(objectJson, ({ json, members }) => {
        JSON.parse(json);
        // Lone surrogates become U+FFFD when text becomes bytes, in keys that are not escaped; ours are.
        expect(textOf(json)).toEqual(
          members.map(([key, value]) => [
            JSON.parse(key) as string,
            Buffer.from(value).toString("utf8"),
          ]),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("agrees with JSON.parse on what any object holds", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
        const json = JSON.stringify(object);
        // In text: matchers lose themselves in objects with a member "__proto__".
        const textsOf = (members: [string, unknown][]): Map<string, string> =>
          new Map(members.map(([key, value]) => [key, JSON.stringify(value)]));
        const read = textOf(json).map(([key, value]): [string, unknown] => [
          key,
          JSON.parse(value),
        ]);
        expect(textsOf(read)).toEqual(textsOf(Object.entries(JSON.parse(json) as object)));
      }),
    );
  });

  it("lists both of two members with one key, also when one hides behind an escape", () => {
    expect(textOf('{"method":1,"m\\u0065thod":2}')).toEqual([
      ["method", "1"],
      ["method", "2"],
    ]);
  });

  it("is not led astray by quotes, brackets and backslashes in strings", () => {
    expect(textOf('{"a":"}\\"]{","b\\\\":"\\\\","c":["\\\\\\"",{"d":"]"}],"e":-1}')).toEqual([
      ["a", '"}\\"]{"'],
      ["b\\", '"\\\\"'],
      ["c", '["\\\\\\"",{"d":"]"}]'],
      ["e", "-1"],
    ]);
  });

  it("begins at an offset, so that inner objects can be listed", () => {
    const json = '{"params": {"name":"x"},"id":1}';
    const [params] = membersOf(jsonTextOf(Buffer.from(json)));
    expect(textOf(json, params!.start)).toEqual([["name", '"x"']]);
  });

  it("lists nothing of an empty object", () => {
    expect(textOf("{}")).toEqual([]);
    expect(textOf(" \r\n\t{ \n} ")).toEqual([]);
  });

  it("goes through a value of a hundred thousand brackets", () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    expect(textOf(`{"a":${deep},"b":1}`)).toEqual([
      ["a", deep],
      ["b", "1"],
    ]);
  });

  it("takes time that grows with the length, whatever the string holds", () => {
    // Strings of escaped quotes and of backslashes are the ones that a scan for quotes may walk twice.
    for (const part of ['\\"', "\\\\", '\\\\\\"']) {
      const json = `{"a":"${part.repeat(1_000_000)}","b":1}`;
      expect(textOf(json)[1]).toEqual(["b", "1"]);
    }
  });
});
