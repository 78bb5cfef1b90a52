import { createHash } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import { definitionHash } from "./definition-hash.ts";

const hashOf = (text: string | Buffer) => definitionHash(Buffer.from(text));
const sha256 = (text: string | Buffer) => createHash("sha256").update(text).digest("hex");

describe("definitionHash", () => {
  it("is that of the canonical form, with the examples of RFC 8785", () => {
    // §3.2.3 and §3.2.4: the sorted form and its bytes, of input with 1E30, 4.50 and escapes. The literal numbers of
    // the RFC's own sample that no double holds are left out: such a definition is hashed as it is.
    expect(
      hashOf(
        '{"numbers":[1E30,4.50,2e-3,1e-27],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}',
      ),
    ).toBe(
      sha256(
        '{"literals":[null,true,false],"numbers":[1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
      ),
    );
    // §3.2.3: names are sorted by UTF-16 code units.
    expect(
      hashOf(
        '{"\\u20ac":"Euro Sign","\\r":"Carriage Return","\\ufb33":"Hebrew Letter Dalet With Dagesh","1":"One","\\ud83d\\ude00":"Emoji: Grinning Face","\\u0080":"Control","\\u00f6":"Latin Small Letter O With Diaeresis"}',
      ),
    ).toBe(
      sha256(
        '{"\\r":"Carriage Return","1":"One","\u0080":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
      ),
    );
  });

  it.each([
    ['{"a":1,"b":[2]}', '{ "b" : [ 2 ],\n"a":1 }'],
    ['{"a":1}', '{"a":1.0}'],
    ['{"a":100}', '{"a":1e2}'],
    ['{"a":0}', '{"a":-0.0}'],
    ['{"a":0.1}', '{"a":1.0E-1}'],
    ['{"a":"é"}', '{"\\u0061":"\\u00e9"}'],
    ['{"a":9007199254740992}', '{"a":9.007199254740992e15}'],
  ])("takes %s and %s for the same", (one, other) => {
    expect(hashOf(one)).toBe(hashOf(other));
  });

  it.each([
    ['{"a":1}', '{"a":2}'],
    ['{"a":1}', '{"a":"1"}'],
    // To a parser in JavaScript each of these pairs is the same.
    ['{"a":9007199254740992}', '{"a":9007199254740993}'],
    ['{"a":0.1}', '{"a":0.1000000000000000055}'],
    ['{"a":1e400}', '{"a":2e400}'],
    ['{"a":2}', '{"a":1,"a":2}'],
    ['{"o":{"a":2}}', '{"o":{"\\u0061":1,"a":2}}'],
    ['{"a":[{"b":2}]}', '{"a":[{"b":1,"b":2}]}'],
    ['{"a":"\\ud800"}', '{"a":"\\udfff"}'],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}'],
    [`{"a":${"[".repeat(100)}1${"]".repeat(100)}}`, `{"a":${"[".repeat(100)}2${"]".repeat(100)}}`],
  ])("takes %s and %s for different", (one, other) => {
    expect(hashOf(one)).not.toBe(hashOf(other));
  });

  it("takes bytes that are no Unicode as they are", () => {
    const broken = Buffer.from([0x22, 0xff, 0x22]);
    expect(definitionHash(broken)).toBe(sha256(broken));
  });

  it("takes what nests without end", () => {
    expect(hashOf(`{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`)).toHaveLength(64);
  });
});
