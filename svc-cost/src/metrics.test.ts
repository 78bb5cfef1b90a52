import { describe, expect, it } from "@jest/globals";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import { Registry } from "prom-client";
import { countingCostEvents } from "./metrics.ts";

describe("countingCostEvents", () => {
  it("counts events that were stored, and no others", async () => {
    const registry = new Registry();
    let away = false;
    const store = countingCostEvents(registry, () =>
      away ? Promise.reject(new Error("away")) : Promise.resolve(),
    );
    const told = async () => (await registry.metrics()).match(/^cost_events_total.*$/m)?.[0];
    expect(await told()).toBe("cost_events_total 0");
    await store([makeRecord(1n), makeRecord(2n)]);
    away = true;
    await expect(store([makeRecord(3n)])).rejects.toThrow("away");
    expect(await told()).toBe("cost_events_total 2");
  });
});
