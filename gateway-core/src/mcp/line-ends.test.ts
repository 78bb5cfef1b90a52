import { describe, expect, it } from "@jest/globals";
import { LineEnds } from "./line-ends.ts";
import { SseGate } from "./sse-gate.ts";
import { SseParser } from "./sse-parser.ts";

const MEGABYTE = 1024 * 1024;

describe("LineEnds", () => {
  it("finds the next break of either kind, or the end", () => {
    const ends = new LineEnds(Buffer.from("a\rbc\nd\r\n\ne"));
    expect([0, 1, 2, 5, 7, 8, 9].map((from) => ends.of(from))).toEqual([1, 1, 4, 6, 7, 8, 10]);
  });

  it.each(["\r", ":\r", "a\r", "\n", ":\n", "data\r"])(
    "lets a megabyte of lines %j be read in time that grows with its size",
    (line) => {
      const chunk = Buffer.alloc(MEGABYTE, line);
      const began = performance.now();
      new SseParser(MEGABYTE).feed(chunk);
      new SseGate("").feed(chunk);
      // A search of the rest of the chunk for each line took 6 to 20 seconds.
      expect(performance.now() - began).toBeLessThan(3_000);
    },
  );
});
