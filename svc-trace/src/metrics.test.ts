import { describe, expect, it } from "@jest/globals";
import { randomBytesPooled } from "@gatewayops/platform/ids";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import { Registry } from "prom-client";
import { countingTraces } from "./metrics.ts";

describe("countingTraces", () => {
  it("counts the traces of what was stored, each once in a batch", async () => {
    const registry = new Registry();
    let away = false;
    const store = countingTraces(registry, () =>
      away ? Promise.reject(new Error("away")) : Promise.resolve(),
    );
    const told = async () => (await registry.metrics()).match(/^traces_ingested_total.*$/m)?.[0];
    expect(await told()).toBe("traces_ingested_total 0");
    const intent = { orgId: randomBytesPooled(16), traceId: randomBytesPooled(16) };
    const [one, two] = [makeRecord(1n, { intent }), makeRecord(2n, { intent })];
    await store([one, two, makeRecord(3n)]);
    away = true;
    await expect(store([makeRecord(4n)])).rejects.toThrow("away");
    expect(await told()).toBe("traces_ingested_total 2");
  });
});
