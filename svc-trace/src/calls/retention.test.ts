import { describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import { createRetentionBook } from "./retention.ts";

const MINUTE = 60_000;

describe("createRetentionBook", () => {
  function book(days: Record<string, number | undefined>, gate = Promise.resolve()) {
    const asked: string[] = [];
    const clock = { now: 0 };
    const { resolve } = createRetentionBook({
      lookUp: async ({ orgId }) => {
        asked.push(orgId);
        const known = days[orgId];
        if (asked.length > 1) await gate;
        if (known === undefined) throw new Error("away");
        return { organization: { traceRetentionDays: known } };
      },
      log: createLogger({
        service: "test",
        level: "silent",
        format: "json",
        maskSensitive: true,
      }),
      now: () => clock.now,
      deadlineMs: 10_000,
    });
    const daysOf = async (...orgIds: string[]): Promise<number[]> => {
      const of = await resolve(new Set(orgIds));
      return orgIds.map(of);
    };
    return { daysOf, asked, clock };
  }

  it("asks once for each organisation and believes the answer for a minute", async () => {
    const { daysOf, asked, clock } = book({ a: 7, b: 30 });
    clock.now = 1;
    expect(await daysOf("a", "b")).toEqual([7, 30]);
    clock.now = MINUTE;
    expect(await daysOf("a")).toEqual([7]);
    expect(asked.sort()).toEqual(["a", "b"]);
  });

  it("goes by what was known while svc-auth is silent, and by 90 days where nothing was", async () => {
    const days: Record<string, number | undefined> = { a: 7 };
    const { daysOf, clock, asked } = book(days);
    clock.now = 1;
    await daysOf("a");
    days["a"] = undefined;
    clock.now = 2 * MINUTE;
    expect(await daysOf("a", "b")).toEqual([7, 90]);
    days["b"] = 1;
    clock.now += 1_999;
    expect(await daysOf("b")).toEqual([90]);
    clock.now += 1;
    expect(await daysOf("b")).toEqual([1]);
    expect(asked.filter((id) => id === "b")).toHaveLength(2);
  });

  it("serves an old answer while it asks for a new one", async () => {
    const days = { a: 7 };
    let answer: () => void = () => undefined;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    const { daysOf, clock } = book(days, answered);
    clock.now = 1;
    await daysOf("a");
    days.a = 8;
    clock.now = 2 * MINUTE;
    expect(await daysOf("a")).toEqual([7]);
    answer();
    await new Promise((resolve) => setImmediate(resolve));
    expect(await daysOf("a")).toEqual([8]);
  });
});
