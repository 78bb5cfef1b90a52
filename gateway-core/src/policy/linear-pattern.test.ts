import { describe, expect, it } from "@jest/globals";
import { matchingSteps } from "./linear-pattern.ts";

describe("matchingSteps", () => {
  it.each([
    "",
    "abc",
    "^[a-z0-9_-]+$",
    "^\\d{4}-\\d{2}-\\d{2}$",
    "^https?://[^\\s]+$",
    "^[A-Z]{2,3}$",
    "^(?:red|green|blue)$",
    "^\\p{L}+$",
    "^[^\\]]*$",
    "\\.txt$",
    "^a{3}$",
    "^x{2,}$",
    "^.+?$",
  ])("admits %s", (pattern) => {
    expect(matchingSteps(pattern)).toBeDefined();
    expect(() => new RegExp(pattern, "u")).not.toThrow();
  });

  it.each([
    // Each character is one step, from each place of the text on, and an anchored pattern is tried from one place only.
    ["abc", 3, 3],
    ["^abc$", 5, 0],
    ["a{64}b", 64 + 1, 65],
    ["^[a-z]+$", 3, 3],
    ["^a{1000}b", 3, 3],
    // Up to 3 times the "a", and after 0, 1, 2 and 3 of them the "b".
    ["a{0,3}b", 3 + 4, 7],
    ["a{0,3}?b", 3 + 4, 7],
    ["^a{2,3}$", 1 + 3 + 2, 0],
    // What stands in a group, its bars and brackets too, and after each of the alternatives the rest.
    ["(?:a|b|c)d", 7 + 3, 10],
    ["(?:a|b)(c|d)e", 5 + 2 * 5 + 4, 19],
    ["^a|b", 4, 4],
    ["^(?:a|b)$", 1 + 5 + 2, 0],
    ["a".repeat(256), 256, 256],
  ])("of %s: %i steps, and %i for each character", (pattern, once, perCharacter) => {
    expect(matchingSteps(pattern)).toEqual({ once, perCharacter });
  });

  it.each([
    ["^(a+)+$", "a quantified group"],
    ["^(a|a)*$", "a quantified group"],
    ["^(a|aa){1,20}$", "a quantified group"],
    ["^a*a*b$", "two repetitions without bound"],
    ["a+b", "one that may begin anywhere"],
    ["^a|b+c", "one that may begin anywhere"],
    [`^${"a?".repeat(20)}${"a".repeat(20)}$`, "too many choices"],
    ["^a{0,60}a{0,60}b$", "too many choices"],
    ["a{0,31}a{0,30}b", "too many choices"],
    ["a{1000}b", "a long repetition that may begin anywhere"],
    ["a{65}b", "a long repetition that may begin anywhere"],
    ["^a{65}a{70}b", "two long repetitions"],
    [`^${"(?:a|b)".repeat(10)}$`, "too many choices"],
    ["a".repeat(257), "too long"],
    ["a)b", "no pattern"],
    ["^(.)\\1$", "a reference back"],
    ["^(?=a+)b$", "a look ahead"],
    ["^(?<!a)b$", "a look behind"],
    ["[a", "no pattern"],
  ])("refuses %s: %s", (pattern) => {
    expect(matchingSteps(pattern)).toBeUndefined();
  });
});
