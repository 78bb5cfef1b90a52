import { describe, expect, it } from "@jest/globals";
import type { Failure } from "@gatewayops/platform/errors";
import { Holdings } from "./holdings.ts";

function holdings(): Holdings {
  return new Holdings({ noun: "open streams", bound: "streams", perKey: 2, total: 3 });
}

function refusalOf(held: Holdings, key: string): Failure | undefined {
  try {
    held.take(key);
    return undefined;
  } catch (error) {
    return error as Failure;
  }
}

describe("holdings", () => {
  it("refuse a key that holds enough, and nobody else", () => {
    const held = holdings();
    held.take("a");
    held.take("a");
    expect(refusalOf(held, "a")).toMatchObject({ reason: "RATE_LIMITED", limit: "streams_of_key" });
    held.take("b");
    expect(held.size).toBe(3);
  });

  it("refuse every key when all together hold enough", () => {
    const held = holdings();
    for (const key of ["a", "b", "c"]) held.take(key);
    expect(refusalOf(held, "d")).toMatchObject({
      reason: "OVERLOADED",
      limit: "streams_of_worker",
    });
  });

  it("have room again for what was given back", () => {
    const held = holdings();
    held.take("a");
    held.take("a");
    held.give("a");
    held.take("a");
    held.give("a");
    held.give("a");
    expect(held.size).toBe(0);
  });
});
