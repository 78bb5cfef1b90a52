import { describe, expect, it } from "@jest/globals";
import { isLinear } from "./linear-pattern.ts";

describe("isLinear", () => {
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
    expect(isLinear(pattern)).toBe(true);
    expect(() => new RegExp(pattern, "u")).not.toThrow();
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
    ["^(.)\\1$", "a reference back"],
    ["^(?=a+)b$", "a look ahead"],
    ["^(?<!a)b$", "a look behind"],
    ["[a", "no pattern"],
  ])("refuses %s: %s", (pattern) => {
    expect(isLinear(pattern)).toBe(false);
  });
});
