import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { jsonTextOf, membersOf } from "./json-members.ts";
import { editsOfObject, splice } from "./json-splice.ts";

type Change = { set?: Record<string, string>; remove?: ReadonlySet<string> };

function changed(text: string, { set = {}, ...rest }: Change): string {
  const bytes = Buffer.from(text);
  const change = { ...rest, set: new Map(Object.entries(set)) };
  return splice(bytes, editsOfObject(jsonTextOf(bytes), 0, change)).toString("utf8");
}

describe("splice", () => {
  it("replaces, inserts and removes ranges, in whatever order they are given", () => {
    expect(
      splice(Buffer.from("abcdef"), [
        { start: 4, end: 6, with: "" },
        { start: 0, end: 0, with: ">" },
        { start: 1, end: 2, with: Buffer.from("BBB") },
      ]).toString(),
    ).toBe(">aBBBcd");
  });

  it("inserts at an empty range, in the order of the list", () => {
    const edits = [
      { start: 1, end: 1, with: "x" },
      { start: 1, end: 1, with: "y" },
      { start: 1, end: 2, with: "" },
    ];
    expect(splice(Buffer.from("abc"), edits).toString()).toBe("axyc");
    expect(splice(Buffer.from("abc"), [{ start: 3, end: 3, with: "!" }]).toString()).toBe("abc!");
  });

  it("refuses ranges that overlap, run backwards or lie outside", () => {
    const bytes = Buffer.from("abcdef");
    for (const edits of [
      [
        { start: 0, end: 3, with: "" },
        { start: 2, end: 4, with: "" },
      ],
      [{ start: 3, end: 2, with: "" }],
      [{ start: 5, end: 7, with: "" }],
      [{ start: -1, end: 0, with: "" }],
    ])
      expect(() => splice(bytes, edits)).toThrow(RangeError);
  });

  it("keeps what stands between the ranges, wherever they lie", () => {
    const part = fc.uint8Array({ maxLength: 6 });
    fc.assert(
      fc.property(fc.array(fc.tuple(part, part, part), { maxLength: 6 }), part, (pieces, tail) => {
        // Each piece: bytes that stay, bytes that go, bytes that take their place.
        const edits: { start: number; end: number; with: Buffer }[] = [];
        let at = 0;
        for (const [stays, goes, comes] of pieces) {
          const start = at + stays.length;
          at = start + goes.length;
          edits.push({ start, end: at, with: Buffer.from(comes) });
        }
        const before = Buffer.concat([...pieces.flatMap(([stays, goes]) => [stays, goes]), tail]);
        const after = Buffer.concat([
          ...pieces.flatMap(([stays, , comes]) => [stays, comes]),
          tail,
        ]);
        expect(splice(before, edits).equals(after)).toBe(true);
      }),
    );
  });
});

describe("editsOfObject", () => {
  it("replaces a value where it stands and keeps spaces, order and odd numbers", () => {
    expect(changed('{ "a" : 1.0 ,"id" : 7, "z":1e2 }', { set: { id: '"x"' } })).toBe(
      '{ "a" : 1.0 ,"id" : "x", "z":1e2 }',
    );
  });

  it("adds members at the end", () => {
    expect(changed('{"a":1 }', { set: { b: "2", c: "3" } })).toBe('{"a":1,"b":2,"c":3 }');
    expect(changed("{}", { set: { b: "2" } })).toBe('{"b":2}');
    expect(changed("{ }", { set: { b: "2" } })).toBe('{"b":2 }');
  });

  it.each([
    ['{"a":1,"b":2,"c":3}', ["a"], '{"b":2,"c":3}'],
    ['{"a":1,"b":2,"c":3}', ["b"], '{"a":1,"c":3}'],
    ['{"a":1,"b":2,"c":3}', ["c"], '{"a":1,"b":2}'],
    ['{"a":1, "b":2, "c":3}', ["b", "c"], '{"a":1}'],
    ['{"a":1,"b":2,"c":3}', ["a", "c"], '{"b":2}'],
    ['{ "a":1,"b":2 }', ["a", "b"], "{  }"],
  ])("removes from %s the members %j", (text, names, wanted) => {
    expect(changed(text, { remove: new Set(names) })).toBe(wanted);
  });

  it("removes and adds at once", () => {
    expect(changed('{"a":1,"b":2}', { remove: new Set(["b"]), set: { c: "3" } })).toBe(
      '{"a":1,"c":3}',
    );
    expect(changed('{"a":1}', { remove: new Set(["a"]), set: { c: "3" } })).toBe('{"c":3}');
  });

  it("leaves valid JSON with exactly the members that were asked for", () => {
    const names = fc.uniqueArray(fc.string({ maxLength: 3 }), { maxLength: 6 });
    fc.assert(
      fc.property(names, names, names, (had, removed, set) => {
        const value = Object.fromEntries(had.map((name, index) => [`k${name}`, index]));
        const change = {
          remove: new Set(removed.map((name) => `k${name}`)),
          set: Object.fromEntries(set.map((name) => [`k${name}`, '"new"'])),
        };
        const result = changed(JSON.stringify(value, null, 1), change);
        const wanted = new Map<string, unknown>(
          Object.entries(value).filter(([name]) => !change.remove.has(name)),
        );
        for (const name of Object.keys(change.set)) wanted.set(name, "new");
        expect(new Map(Object.entries(JSON.parse(result) as object))).toEqual(wanted);
        expect(membersOf(jsonTextOf(Buffer.from(result)))).toHaveLength(wanted.size);
      }),
    );
  });
});
