import { describe, expect, it } from "@jest/globals";
import { createBoundedQueue } from "./bounded-queue.ts";

describe("createBoundedQueue", () => {
  it("runs so many at once, in order, and refuses what does not fit", async () => {
    const queue = createBoundedQueue({ concurrency: 2, waitingMax: 2, typicalMs: 200 });
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const work = (id: number) => () =>
      new Promise<number>((resolve) => {
        begun.push(id);
        ends.push(() => {
          resolve(id);
        });
      });
    const runs = [0, 1, 2, 3].map((id) => queue.run(work(id)));
    await expect(queue.run(work(4))).rejects.toMatchObject({
      reason: "AUTH_UNAVAILABLE",
      retryAfterMs: 200,
    });
    expect([begun, queue.waiting]).toEqual([[0, 1], 2]);
    for (let done = 0; done < 4; done += 1) {
      ends[done]?.();
      await runs[done];
    }
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(await Promise.all(runs)).toEqual([0, 1, 2, 3]);
  });

  it("goes on after work that failed", async () => {
    const queue = createBoundedQueue({ concurrency: 1, waitingMax: 1, typicalMs: 1 });
    const failed = queue.run(() => Promise.reject(new Error("no")));
    const next = queue.run(() => Promise.resolve("yes"));
    await expect(failed).rejects.toThrow("no");
    expect(await next).toBe("yes");
  });
});
