import { describe, expect, it } from "@jest/globals";
import { createArgumentValidator } from "./argument-validator.ts";

function validatorWith(schemasMax = 10) {
  const unusable: string[] = [];
  const validator = createArgumentValidator({
    schemasMax,
    onUnusable: (hash, problem) => void unusable.push(`${hash}: ${problem}`),
  });
  const check = (schema: unknown, args: unknown, hash = JSON.stringify(schema)) =>
    validator.check({ hash, inputSchema: Buffer.from(JSON.stringify(schema)) }, args);
  return { check, unusable };
}

const problemsOf = (schema: unknown, args: unknown): unknown => {
  const result = validatorWith().check(schema, args);
  return result.kind === "invalid"
    ? result.problems.map(({ pointer, message }) => `${pointer}: ${message}`)
    : result.kind;
};

const TOO_LONG = ": take too long to be checked";
const times = <T>(length: number, make: (index: number) => T) =>
  Array.from({ length }, (_, index) => make(index));
const named = <T>(length: number, make: (index: number) => T) =>
  Object.fromEntries(times(length, (index) => [`p${index}`, make(index)]));
const nested = (levels: number, around: (inner: object, level: number) => object) =>
  times(levels, (level) => level).reduce(around, {});

describe("createArgumentValidator", () => {
  const schema = {
    type: "object",
    properties: {
      path: { type: "string", pattern: "^[a-z/]+$", maxLength: 5 },
      limit: { type: "integer", minimum: 1, maximum: 10 },
      "a/b": { enum: ["x", "y"] },
      tags: { type: "array", items: { type: "string" }, uniqueItems: true },
    },
    required: ["path"],
    additionalProperties: false,
  };

  it.each([
    [{ path: "a" }, "valid"],
    [{ path: "a", limit: 10, "a/b": "x", tags: ["p", "q"] }, "valid"],
    [undefined, [": lacks a property that is required"]],
    [{}, [": lacks a property that is required"]],
    [[], [": is of the wrong type"]],
    [{ path: 1 }, ["/path: is of the wrong type"]],
    [{ path: "a", limit: 0 }, ["/limit: is too small"]],
    [{ path: "a", limit: 1.5 }, ["/limit: is of the wrong type"]],
    [{ path: "a", "a/b": "z" }, ["/a~1b: is none of the values that are allowed"]],
    [{ path: "a", tags: ["p", 1] }, ["/tags/1: is of the wrong type"]],
    [{ path: "a", tags: ["p", "p"] }, ["/tags: has an item twice"]],
    [{ path: "ABCDEF" }, ["/path: does not fit the pattern", "/path: is too long"].sort()],
  ])("of %j says %j", (args, expected) => {
    const found = problemsOf(schema, args);
    expect(Array.isArray(found) ? [...(found as string[])].sort() : found).toEqual(expected);
  });

  it("says where a property is that is not allowed", () => {
    const found = problemsOf(schema, { path: "a", more: 1 });
    expect(found).toContain(": has a property that is not allowed");
  });

  it("knows 2020-12 and its references within the schema", () => {
    const tree = {
      $defs: {
        node: {
          type: "object",
          properties: { left: { $ref: "#/$defs/node" }, value: { type: "integer" } },
          unevaluatedProperties: false,
        },
        pair: { prefixItems: [{ type: "string" }], items: false },
      },
      properties: { root: { $ref: "#/$defs/node" }, pair: { $ref: "#/$defs/pair" } },
    };
    expect(problemsOf(tree, { root: { left: { left: { value: 1 } } }, pair: ["a"] })).toBe("valid");
    expect(problemsOf(tree, { root: { left: { value: "x" } } })).toContain(
      "/root/left/value: is of the wrong type",
    );
    expect(problemsOf(tree, { pair: ["a", "b"] })).toEqual(
      expect.arrayContaining([expect.stringContaining("/pair")]),
    );
  });

  it("goes by the dialect that the schema names", () => {
    const items = [{ type: "string" }];
    const draft7 = {
      $schema: "http://json-schema.org/draft-07/schema#",
      properties: { a: { items } },
    };
    expect(problemsOf(draft7, { a: ["x", 1] })).toBe("valid");
    expect(problemsOf(draft7, { a: [1] })).toEqual(["/a/0: is of the wrong type"]);
  });

  it("takes formats for notes", () => {
    expect(problemsOf({ properties: { a: { format: "email" } } }, { a: "no address" })).toBe(
      "valid",
    );
    expect(problemsOf({ properties: { format: { type: "string" } } }, { format: 1 })).not.toBe(
      "valid",
    );
  });

  it("lists five problems at most and quotes no value", () => {
    const properties = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`p${index}`, { type: "integer" }]),
    );
    const secret = "hunter2";
    const args = Object.fromEntries(Object.keys(properties).map((name) => [name, secret]));
    const found = problemsOf({ properties }, args);
    expect(found).toHaveLength(5);
    expect(JSON.stringify(found)).not.toContain(secret);
    const enumerated = problemsOf({ properties: { a: { enum: ["x"] } } }, { a: secret });
    expect(JSON.stringify(enumerated)).not.toContain(secret);
  });

  it.each([
    ["no object", true, "it is no object"],
    ["another dialect", { $schema: "https://example.com/x" }, "dialect"],
    ["a pattern that looks back", { properties: { a: { pattern: "^(a+)+$" } } }, "pattern"],
    ["names that look back", { patternProperties: { "^(a+)+$": {} } }, "pattern"],
    ["dynamic references", { $dynamicRef: "#x" }, "dynamic"],
    ["too much", { description: "x".repeat(70_000) }, "too long"],
    ["too many parts", { enum: Array.from({ length: 6_000 }, (_, n) => n) }, "too large"],
    ["a long repetition", { properties: { a: { pattern: "a{1000}b" } } }, "pattern"],
    ["many choices", { properties: { a: { pattern: "a{0,31}a{0,30}b" } } }, "pattern"],
    ["a pattern in a list", { properties: { a: { pattern: ["^(a+)+$"] } } }, "followed"],
    ["a name of many letters", { required: "x".repeat(60_000) }, "followed"],
    [
      "identifiers within identifiers",
      nested(20, (not, level) => ({ $id: `https://example.com/${level}`, not })),
      "references take too long",
    ],
    [
      "many names under a long one",
      { properties: { ["x".repeat(30_000)]: { properties: named(2_000, () => ({})) } } },
      "references take too long",
    ],
    ["a reference elsewhere", { $ref: "https://example.com/schema" }, "followed"],
    ["a reference to itself", { $ref: "#" }, "followed"],
    ["nonsense", { properties: { a: { allOf: 1 } } }, "followed"],
  ])("does not use a schema with %s, and says so once", (_, unusableSchema, why) => {
    const { check, unusable } = validatorWith();
    expect(check(unusableSchema, { a: "aaa" }, "h")).toEqual({ kind: "unusable" });
    expect(check(unusableSchema, { a: "aaa" }, "h")).toEqual({ kind: "unusable" });
    expect(unusable).toEqual([expect.stringMatching(new RegExp(`^h: .*${why}`))]);
  });

  it("refuses arguments that are too many or too deep to be checked", () => {
    const deep = JSON.parse(`${"[".repeat(100)}${"]".repeat(100)}`) as unknown;
    for (const args of [{ a: Array<number>(6_000).fill(1) }, { a: deep }])
      expect(problemsOf({}, args)).toEqual([": are too large to be checked"]);
  });

  it("refuses arguments whose check references make long", () => {
    const $defs: Record<string, unknown> = { d30: { type: "string" } };
    for (let level = 0; level < 30; level++) {
      const $ref = `#/$defs/d${level + 1}`;
      $defs[`d${level}`] = { anyOf: [{ $ref }, { $ref }] };
    }
    expect(problemsOf({ $defs, $ref: "#/$defs/d0" }, {})).toEqual([TOO_LONG]);
  });

  it.each<readonly [string, object, unknown]>([
    [
      "items that are to differ",
      { allOf: times(20, () => ({ uniqueItems: true })) },
      times(4_900, (n) => n),
    ],
    ["lengths", { allOf: times(100, () => ({ minLength: 1 })) }, "a".repeat(1_000_000)],
    ["a pattern in a long text", { pattern: "a{64}a{64}b" }, "a".repeat(200_000)],
    ["patterns of names", { patternProperties: named(200, () => true) }, named(4_000, () => 1)],
    ["an enum of objects", { enum: times(2_000, () => ({})) }, named(4_000, () => 1)],
    [
      "what was evaluated",
      nested(25, (inner) => ({ allOf: [inner], unevaluatedProperties: true })),
      named(4_000, () => 1),
    ],
    [
      "a long name",
      { allOf: times(50, () => ({ additionalProperties: true })) },
      { ["~/".repeat(100_000)]: 1 },
    ],
  ])("refuses arguments that take too long to be checked, soon: %s", (_, hostile, value) => {
    const start = performance.now();
    expect(problemsOf({ properties: { a: hostile } }, { a: value })).toEqual([TOO_LONG]);
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it.each<readonly [string, object, unknown]>([
    [
      "a long text of a short pattern",
      { minLength: 1, pattern: "^[a-z]+$" },
      "a".repeat(1_000_000),
    ],
    ["many items that differ", { uniqueItems: true }, times(1_000, (n) => `item ${n}`)],
    [
      "many records",
      {
        items: {
          properties: named(8, () => ({ anyOf: [{ type: "integer" }, { type: "null" }] })),
          required: ["p0"],
          additionalProperties: false,
        },
      },
      times(400, () => named(8, (n) => n)),
    ],
  ])("checks %s", (_, common, value) => {
    expect(problemsOf({ properties: { a: common } }, { a: value })).toBe("valid");
  });

  it.each<readonly [string, object, unknown, string]>([
    [
      "half a surrogate pair in a name",
      { additionalProperties: true },
      { "\ud800": 1 },
      ": cannot be checked",
    ],
    [
      "levels that each take many schemas",
      {
        additionalProperties: { $ref: "#/$defs/p0" },
        $defs: {
          ...named(9, (index) => ({ $ref: `#/$defs/p${index + 1}` })),
          p9: { additionalProperties: { $ref: "#/$defs/p0" } },
        },
      },
      nested(60, (a) => ({ a })),
      TOO_LONG,
    ],
  ])("goes on to use a schema after arguments with %s", (_, used, value, expected) => {
    const { check, unusable } = validatorWith();
    const problems = (args: unknown) => {
      const result = check(used, args);
      return result.kind === "invalid" ? result.problems : result.kind;
    };
    expect(problems(value)).toEqual([{ pointer: "", message: expected.slice(2) }]);
    expect(problems({})).toBe("valid");
    expect(unusable).toEqual([]);
  });

  it("takes formats in a list for notes as well", () => {
    expect(problemsOf({ properties: { a: { format: ["email"] } } }, { a: "no address" })).toBe(
      "valid",
    );
  });

  it("keeps as many schemas as it may, the ones used last", () => {
    const { check, unusable } = validatorWith(2);
    const bad = { $schema: "x" };
    for (const hash of ["a", "b", "a", "c", "a", "b"]) check(bad, {}, hash);
    expect(unusable.map((text) => text[0])).toEqual(["a", "b", "c", "b"]);
  });
});
