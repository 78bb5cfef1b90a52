import { describe, expect, it } from "@jest/globals";

import { lineDiff, prettyJson } from "./line-diff.ts";

const diff = (before: string, after: string): string[] =>
  lineDiff(before, after).map(
    ({ kind, text }) => `${{ same: " ", added: "+", removed: "-" }[kind]}${text}`,
  );

describe("lineDiff", () => {
  it.each([
    ["a\nb", "a\nb", [" a", " b"]],
    ["a\nb", "a\nc", [" a", "-b", "+c"]],
    ["a\nc", "a\nb\nc", [" a", "+b", " c"]],
    ["a\nb\nc", "c", ["-a", "-b", " c"]],
    ["", "a", ["-", "+a"]],
  ])("of %j and %j", (before, after, expected) => {
    expect(diff(before, after)).toEqual(expected);
  });

  it("does not compare what is very long", () => {
    const long = "x\n".repeat(2_001);
    expect(lineDiff(long, long).some(({ kind }) => kind === "same")).toBe(false);
  });
});

describe("prettyJson", () => {
  it("gives each value a line and leaves what is no JSON", () => {
    expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
    expect(prettyJson("{")).toBe("{");
  });
});
