import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { LineSplitter } from "./line-splitter.ts";

function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

/** The lines of chunks pushed one after the other; undefined when one was too long. */
function linesOf(chunks: readonly Buffer[], maxBytes = 1_000): string[] | undefined {
  const splitter = new LineSplitter(maxBytes);
  const lines: string[] = [];
  for (const chunk of chunks) {
    const found = splitter.push(chunk);
    if (!found) return undefined;
    lines.push(...found.map((line) => line.toString("latin1")));
  }
  return lines;
}

describe("LineSplitter", () => {
  it("finds the lines of any bytes, cut into any chunks", () => {
    const byte = fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x61), fc.nat(255));
    fc.assert(
      fc.property(
        fc.array(byte, { maxLength: 60 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        (bytes, places) => {
          const text = Buffer.from(bytes).toString("latin1");
          const expected = text
            .split("\n")
            .slice(0, -1)
            .map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line))
            .filter((line) => line !== "");
          expect(linesOf(cut(Buffer.from(bytes), places))).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("keeps the start of a line until its end comes", () => {
    const splitter = new LineSplitter(100);
    expect(splitter.push(Buffer.from("ab"))).toEqual([]);
    expect(splitter.push(Buffer.from("c"))).toEqual([]);
    expect(splitter.push(Buffer.from("\nd"))?.map(String)).toEqual(["abc"]);
  });

  it("gives up a line that grows longer than it may be", () => {
    expect(linesOf([Buffer.from("a".repeat(10))], 10)).toEqual([]);
    expect(linesOf([Buffer.from("a".repeat(10)), Buffer.from("a")], 10)).toBeUndefined();
  });

  it("takes the same lines however they are cut", () => {
    const long = Buffer.from(`${"a".repeat(11)}\n`);
    expect(linesOf([long], 10)).toBeUndefined();
    expect(
      linesOf(
        [...long].map((byte) => Buffer.of(byte)),
        10,
      ),
    ).toBeUndefined();
  });
});
