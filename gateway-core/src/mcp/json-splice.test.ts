import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { jsonTextOf, membersOf } from "./json-members.ts";
import { splice } from "./json-splice.ts";

const text = (bytes: Buffer): string => bytes.toString("utf8");

describe("splice", () => {
  it("replaces ranges and leaves every other byte", () => {
    const bytes = Buffer.from('{ "id" : 7, "params": {"t":"é"} }');
    const [id, params] = membersOf(jsonTextOf(bytes));
    const [token] = membersOf(jsonTextOf(bytes), params!.start);
    expect(
      text(
        splice(bytes, [
          { start: token!.start, end: token!.end, with: "12" },
          { start: id!.start, end: id!.end, with: Buffer.from('"ü"') },
        ]),
      ),
    ).toBe('{ "id" : "ü", "params": {"t":12} }');
  });

  it("inserts at an empty range, in the order of the list", () => {
    const edits = [
      { start: 1, end: 1, with: "x" },
      { start: 1, end: 1, with: "y" },
      { start: 1, end: 2, with: "" },
    ];
    expect(text(splice(Buffer.from("abc"), edits))).toBe("axyc");
    expect(text(splice(Buffer.from("abc"), [{ start: 3, end: 3, with: "!" }]))).toBe("abc!");
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
