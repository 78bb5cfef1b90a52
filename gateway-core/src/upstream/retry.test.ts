import { describe, expect, it } from "@jest/globals";
import { Failure, type Reason } from "@gatewayops/platform/errors";
import { retryDelayMs, type FailedAttempt } from "./retry.ts";

const refused = Object.assign(new Error(), { code: "ECONNREFUSED" });
const reset = Object.assign(new Error(), { code: "ECONNRESET" });

function delayOf(
  reason: Reason,
  cause: Error | undefined,
  rest: Partial<Omit<FailedAttempt, "failure">> = {},
  random = 0,
): number | undefined {
  const attempt = {
    failure: new Failure(reason, "", cause ? { cause } : {}),
    attempts: 1,
    isSafe: false,
    hasAnswerBegun: false,
    leftMs: 30_000,
    ...rest,
  };
  return retryDelayMs(attempt, 3, random);
}

describe("retryDelayMs", () => {
  it("repeats what was never sent, be it a tool call", () => {
    expect(delayOf("UPSTREAM_UNREACHABLE", refused)).toBe(25);
  });

  it("repeats what may have arrived only when that does no harm", () => {
    expect(delayOf("UPSTREAM_CLOSED", reset)).toBeUndefined();
    expect(delayOf("UPSTREAM_CLOSED", reset, { isSafe: true })).toBe(25);
  });

  it.each(["UPSTREAM_TIMEOUT", "UPSTREAM_HTTP_ERROR", "UPSTREAM_TOO_LARGE", "OVERLOADED"] as const)(
    "takes %s for an answer",
    (reason) => {
      expect(delayOf(reason, undefined, { isSafe: true })).toBeUndefined();
    },
  );

  it("repeats nothing of which an answer had begun", () => {
    expect(
      delayOf("UPSTREAM_CLOSED", reset, { isSafe: true, hasAnswerBegun: true }),
    ).toBeUndefined();
  });

  it("waits twice as long each time, at least half of it, and stops at the bound", () => {
    const safe = { isSafe: true };
    expect(
      [1, 2, 3, 4].map((attempts) => delayOf("UPSTREAM_CLOSED", reset, { ...safe, attempts })),
    ).toEqual([25, 50, 100, undefined]);
    expect(delayOf("UPSTREAM_CLOSED", reset, safe, 0.5)).toBe(38);
    expect(delayOf("UPSTREAM_CLOSED", reset, safe, 1)).toBe(50);
  });

  it("does not begin what cannot end in time", () => {
    expect(delayOf("UPSTREAM_UNREACHABLE", refused, { leftMs: 25 })).toBeUndefined();
    expect(delayOf("UPSTREAM_UNREACHABLE", refused, { leftMs: 26 })).toBe(25);
  });
});
