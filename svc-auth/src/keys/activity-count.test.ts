import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createAuthMetrics } from "../metrics.ts";
import { createActivityCount } from "./activity-count.ts";

const DAY_MS = 86_400_000;

describe("createActivityCount", () => {
  it("tells counts while the store answers, and none while it does not", async () => {
    const registry = new Registry();
    let away = true;
    const metrics = createAuthMetrics(registry);
    const count = createActivityCount({
      store: {
        activity: ({ now, usedSince }) => {
          if (away) return Promise.reject(new Error("away"));
          expect(now.getTime() - usedSince.getTime()).toBe(30 * DAY_MS);
          return Promise.resolve({ activeKeys: 7, activeOrganizations: 2 });
        },
      },
      tell: (counts) => {
        metrics.active(counts);
      },
      now: () => 100 * DAY_MS,
    });
    const told = async () => (await registry.metrics()).match(/^(active_org|api_keys_active).*$/gm);
    expect(await told()).toBeNull();
    away = false;
    await count();
    expect(await told()).toEqual(["active_organizations 2", "api_keys_active 7"]);
    away = true;
    await expect(count()).rejects.toThrow("away");
    expect(await told()).toBeNull();
  });
});
