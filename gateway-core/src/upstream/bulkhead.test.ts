import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { Bulkhead, WorkerSlots } from "./bulkhead.ts";

const OPTIONS = { inFlight: 2, queued: 1, waitMs: 1_000 };

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

function full(worker = new WorkerSlots(100)): Bulkhead {
  const bulkhead = new Bulkhead("slow", OPTIONS, worker);
  expect([bulkhead.take(), bulkhead.take(), bulkhead.take()]).toEqual([true, true, false]);
  return bulkhead;
}

describe("a bulkhead", () => {
  it("gives a slot that became free to who waits, before anybody who comes later", async () => {
    const bulkhead = full();
    const order: string[] = [];
    const first = bulkhead.wait().then(() => order.push("waited"));
    expect(bulkhead.take()).toBe(false);
    bulkhead.give();
    expect(bulkhead.take()).toBe(false);
    await first;
    expect(order).toEqual(["waited"]);
    expect(bulkhead.waiting).toBe(0);
    bulkhead.give();
    expect(bulkhead.take()).toBe(true);
  });

  it("refuses at once when enough wait already", async () => {
    const bulkhead = full();
    const waiting = bulkhead.wait();
    await expect(bulkhead.wait()).rejects.toMatchObject({
      reason: "OVERLOADED",
      limit: "calls_of_server",
      retryAfterMs: 1_000,
    });
    bulkhead.give();
    await waiting;
  });

  it("refuses who waited for the longest time there is, and forgets it", async () => {
    const bulkhead = full();
    const refused = expect(bulkhead.wait()).rejects.toMatchObject({ reason: "OVERLOADED" });
    jest.advanceTimersByTime(1_000);
    await refused;
    expect(bulkhead.waiting).toBe(0);
    bulkhead.give();
    expect(bulkhead.take()).toBe(true);
  });

  it("has room for messages that end calls when the calls fill it, and for as many only", () => {
    const bulkhead = full();
    expect([bulkhead.takeForNote(), bulkhead.takeForNote(), bulkhead.takeForNote()]).toEqual([
      true,
      true,
      false,
    ]);
    bulkhead.give();
    // Two notes and one call: a call has no room until one of them ends.
    expect(bulkhead.take()).toBe(false);
  });

  it("refuses without waiting what is beyond the worker's own bound", async () => {
    const worker = new WorkerSlots(3);
    full(worker);
    const other = new Bulkhead("other", OPTIONS, worker);
    expect([other.take(), other.take()]).toEqual([true, false]);
    await expect(other.wait()).rejects.toMatchObject({ limit: "calls_of_worker" });
    other.give();
    expect(other.take()).toBe(true);
  });
});
