import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createWildcard } from "./wildcard.ts";

/** The definition: "*" is any split of what is left. */
function fits(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern[0] !== "*")
    return text !== "" && pattern[0] === text[0] && fits(pattern.slice(1), text.slice(1));
  return fits(pattern.slice(1), text) || (text !== "" && fits(pattern, text.slice(1)));
}

const fewLetters = (letters: string, maxLength: number) =>
  fc.string({ unit: fc.constantFrom(...Array.from(letters)), maxLength });

describe("createWildcard", () => {
  it.each([
    ["read", "read", true],
    ["read", "reader", false],
    ["*", "", true],
    ["read_*", "read_file", true],
    ["*_file", "read_file", true],
    ["file:///srv/*/logs/*.txt", "file:///srv/a/b/logs/x.txt", true],
    ["file:///srv/*/logs/*.txt", "file:///srv/logs/x.txt", false],
    ["ab*ba", "aba", false],
    ["a.c", "abc", false],
  ])("%s fits %s: %s", (pattern, text, expected) => {
    expect(createWildcard(pattern)(text)).toBe(expected);
  });

  it("agrees with the definition", () => {
    fc.assert(
      fc.property(fewLetters("ab*", 8), fewLetters("ab", 12), (pattern, text) => {
        expect(createWildcard(pattern)(text)).toBe(fits(pattern, text));
      }),
      { numRuns: 5_000 },
    );
  });

  it("fits another pattern only when it fits all that the other one does", () => {
    fc.assert(
      fc.property(
        fewLetters("ab*", 6),
        fewLetters("ab*", 6),
        fewLetters("abc", 10),
        (outer, inner, text) => {
          if (createWildcard(outer)(inner) && createWildcard(inner)(text))
            expect(createWildcard(outer)(text)).toBe(true);
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it("takes no longer for a pattern made to look back often", () => {
    const pattern = createWildcard(`*${"a".repeat(200)}b*`);
    const text = "a".repeat(1_000_000);
    expect(pattern(text)).toBe(false);
    expect(pattern(`${text}b`)).toBe(true);
  });
});
