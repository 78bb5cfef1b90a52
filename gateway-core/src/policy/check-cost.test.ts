import { dereference, validate, type Schema } from "@cfworker/json-schema";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { costOfCheck, type ReferencedSchema } from "./check-cost.ts";

const costOf = (schema: Schema, args: unknown) =>
  costOfCheck({ schema, lookup: dereference(schema) }, args);

// A schema that is applied to a value, and one that is in another one.
const VISIT = 1_000;
const VISIT_WITHIN = 1_025;
const KEYWORD = 400;
const KEYWORD_WITHIN = 425;

describe("costOfCheck", () => {
  it.each<readonly [Schema, unknown, number]>([
    [{}, 1, VISIT],
    [{ type: "string" }, 1, VISIT + KEYWORD],
    [{ minLength: 1, maxLength: 9 }, "a".repeat(500), VISIT + 2 * KEYWORD + 500 * 2],
    [{ minLength: 1, maxLength: 9 }, 1, VISIT + 2 * KEYWORD],
    // Three items, each of which is compared with three, and once more.
    [{ uniqueItems: true }, [1, 2, 3], VISIT + KEYWORD + 3 * 4 * 2],
    [{ uniqueItems: false }, [1, 2, 3], VISIT + KEYWORD],
    // Three values, and seven characters: [1,2,3].
    [{ enum: [1, 2, 3] }, 4, VISIT + KEYWORD + 4 * 2 + 7 * 4],
    // From three places four steps, "^", "a", "b" and "$"; five characters are compiled.
    [{ pattern: "^a*b$" }, "aa", VISIT + KEYWORD + 4_000 + 150 + 3 * 4 * 4 + 5 * 200],
    [{ items: {} }, [1, 2], VISIT + KEYWORD + 2 * (800 + KEYWORD + VISIT_WITHIN)],
    [
      { items: [{}], additionalItems: {} },
      [1, 2],
      VISIT + 2 * KEYWORD + 2 * (800 + KEYWORD + VISIT_WITHIN),
    ],
    // Whichever of the two the validator goes on with.
    [{ if: {}, then: {}, else: {} }, 1, VISIT + 3 * KEYWORD + 3 * VISIT_WITHIN],
    [{ allOf: [{}, {}] }, 1, VISIT + KEYWORD + 2 * VISIT_WITHIN],
    [{ allOf: [{ type: "null" }] }, 1, VISIT + KEYWORD + VISIT_WITHIN + KEYWORD_WITHIN],
    // Two properties of the value and two of the schema, of which one is there.
    [
      { properties: { ab: {}, c: {} } },
      { ab: 1, d: 1 },
      VISIT + 2 * 80 + KEYWORD + 2 * 300 + 2 * 64 + 800 + KEYWORD + VISIT_WITHIN,
    ],
  ])("of %j and %j is %i", (schema, args, expected) => {
    expect(costOf(schema, args)).toBe(expected);
  });

  it("grows with the product of what is compared", () => {
    const numbers = (length: number) => Array.from({ length }, (_, n) => n);
    const small = costOf({ uniqueItems: true }, numbers(1_000)) ?? 0;
    expect(costOf({ uniqueItems: true }, numbers(2_000))).toBeGreaterThan(3.9 * small);
    expect(costOf({ uniqueItems: true }, numbers(4_900))).toBeUndefined();
  });

  it("throws when a schema goes in circles, and not when the arguments end them", () => {
    const circle: Schema = { anyOf: [{ $ref: "#" }] };
    expect(() => costOf(circle, 1)).toThrow("circles");
    const tree: Schema = { properties: { left: { $ref: "#" } } };
    expect(costOf(tree, { left: { left: { left: 1 } } })).toBeGreaterThan(0);
  });

  it.each<readonly [object, unknown]>([
    [{ required: "ab" }, {}],
    [{ properties: "ab" }, {}],
    [{ patternProperties: "ab" }, {}],
    [{ prefixItems: "ab" }, []],
    [{ allOf: "ab" }, 1],
    [{ enum: "ab" }, 1],
    [{ pattern: ["^(a+)+$"] }, "a"],
  ])("throws when a keyword is of the wrong type: %j", (schema, args) => {
    expect(() => costOfCheck({ schema, lookup: {} }, args)).toThrow(" is no ");
  });

  it("counts all the schemas that the validator applies", () => {
    fc.assert(
      fc.property(anySchema, anySchema, anyValue, (schema, other, value) => {
        const root: Schema = { ...schema, $defs: { a: { items: other }, b: other } };
        const lookup = dereference(root);
        // The validator reads this of each schema that it applies.
        let visits = 0;
        const $recursiveAnchor = { configurable: true, get: () => void (visits += 1) };
        for (const one of Object.values(lookup))
          if (typeof one === "object")
            Object.defineProperty(one, "$recursiveAnchor", $recursiveAnchor);
        const cost = costOrCircles({ schema: root, lookup }, value);
        visits = 0;
        if (cost === "circles") return;
        validate(value, root, "2020-12", lookup, false);
        expect(visits).toBeGreaterThan(0);
        expect(cost).toBeGreaterThanOrEqual(visits * VISIT);
      }),
      { numRuns: 2_000 },
    );
  });
});

function costOrCircles(schema: ReferencedSchema, value: unknown): number | "circles" {
  try {
    return costOfCheck(schema, value) ?? Number.POSITIVE_INFINITY;
  } catch {
    return "circles";
  }
}

const name = fc.constantFrom("a", "b", "c");
const OF_ONE = ["not", "if", "then", "else", "additionalProperties", "unevaluatedProperties"];
const OF_ITEMS = ["items", "additionalItems", "contains", "unevaluatedItems", "propertyNames"];
const OF_LIST = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
const OF_MAP = ["dependentSchemas", "dependencies", "properties", "patternProperties"];
const leaf = fc.constantFrom<object>(
  {},
  { type: "object" },
  { type: "array" },
  { $ref: "#/$defs/a" },
  { $ref: "#/$defs/b" },
);
type Tied = { schema: object; keyword: readonly [string, unknown] };
const { schema: anySchema } = fc.letrec<Tied>((tie) => ({
  schema: fc.oneof(
    { maxDepth: 3, depthIdentifier: "schema" },
    leaf,
    fc
      .array(tie("keyword"), { minLength: 1, maxLength: 3 })
      .map((of): object => Object.fromEntries(of)),
  ),
  keyword: fc.oneof(
    fc.tuple(fc.constantFrom(...OF_ONE, ...OF_ITEMS), tie("schema")),
    fc.tuple(fc.constantFrom(...OF_LIST), fc.array(tie("schema"), { maxLength: 2 })),
    fc.tuple(fc.constantFrom(...OF_MAP), fc.dictionary(name, tie("schema"), { maxKeys: 2 })),
  ),
}));
const { value: anyValue } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: "value" },
    fc.constantFrom<unknown>(1, "a", "b"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(name, tie("value"), { maxKeys: 3 }),
  ),
}));
