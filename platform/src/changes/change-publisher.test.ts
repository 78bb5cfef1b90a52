import { beforeEach, describe, expect, it } from "@jest/globals";
import { createLogger } from "../log.ts";
import { createChangePublisher } from "./change-publisher.ts";
import { createMemoryChangeStore } from "./change-store.memory.ts";
import type { PendingChange } from "./change-store.ts";

const TIME_MS = 1_795_444_200_000;
const log = createLogger({ service: "t", level: "silent", format: "json", maskSensitive: false });

describe("createChangePublisher", () => {
  const changes = new Map<string, PendingChange>();
  let told: string[];
  let away: boolean;
  let nowMs: number;
  const publisher = createChangePublisher({
    store: createMemoryChangeStore(changes),
    tell: ({ id }) => {
      if (away) return Promise.reject(new Error("away"));
      told.push(id);
      return Promise.resolve();
    },
    now: () => nowMs,
    log,
  });

  beforeEach(() => {
    changes.clear();
    told = [];
    away = false;
    nowMs = TIME_MS;
  });

  function committed(id: string, ageMs = 0): PendingChange {
    const invalidation = { kind: "org", orgId: "o" } as const;
    const createTime = new Date(TIME_MS - ageMs);
    const change = { id, orgId: "o", invalidation, createTime };
    changes.set(id, change);
    return change;
  }

  it("tells a change at once, and then forgets it", async () => {
    await publisher.publish(committed("a"));
    expect(told).toEqual(["a"]);
    nowMs += 60_000;
    expect(await publisher.sweep()).toBe(0);
  });

  it("tells later what it could not tell at once, as after a kill", async () => {
    const change = committed("a");
    away = true;
    await publisher.publish(change);
    await publisher.publish(undefined);
    expect(told).toEqual([]);
    nowMs += 1_001;
    await expect(publisher.sweep()).rejects.toThrow("away");
    away = false;
    expect(await publisher.sweep()).toBe(1);
    expect(await publisher.sweep()).toBe(0);
    expect(told).toEqual(["a"]);
  });

  it("leaves alone what the call that made it is still telling, and begins with the oldest", async () => {
    committed("new");
    committed("old", 2_000);
    committed("older", 3_000);
    expect(await publisher.sweep()).toBe(2);
    expect(told).toEqual(["older", "old"]);
  });
});
