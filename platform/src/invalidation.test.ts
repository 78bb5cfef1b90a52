import { describe, expect, it } from "@jest/globals";
import {
  INVALIDATION_CHANNEL,
  INVALIDATION_COUNTER,
  parseInvalidation,
  publishInvalidation,
} from "./invalidation.ts";

describe("publishInvalidation", () => {
  it("counts and publishes in one script, so that no number is published twice", async () => {
    const sent: unknown[][] = [];
    await publishInvalidation(
      {
        eval: (script, keys, ...args) => {
          sent.push([keys, ...args]);
          expect(script).toMatch(/INCR[^]*PUBLISH/);
          return Promise.resolve(1);
        },
      },
      { kind: "prices", orgId: "o" },
    );
    expect(sent).toEqual([
      [1, INVALIDATION_COUNTER, INVALIDATION_CHANNEL, '{"kind":"prices","orgId":"o"}'],
    ]);
  });
});

describe("parseInvalidation", () => {
  it("reads number and change", () => {
    expect(parseInvalidation('12 {"kind":"key","orgId":"o","keyId":"k"}')).toEqual({
      sequence: 12,
      change: { kind: "key", orgId: "o", keyId: "k" },
    });
  });

  it("reads nothing from what is no message", () => {
    for (const message of [
      "",
      "x",
      "1",
      "1 ",
      "1 {",
      "x {}",
      "1.5 {}",
      "1 null",
      "1 5",
      '1 {"kind":"?"}',
    ])
      expect(parseInvalidation(message)).toBeUndefined();
  });
});
