import { describe, expect, it } from "@jest/globals";
import { Registry } from "prom-client";
import { createQueryMetrics, timed } from "./query-metrics.ts";

describe("createQueryMetrics", () => {
  it("counts queries that worked and that failed, by store and operation", async () => {
    const registry = new Registry();
    const queries = createQueryMetrics(registry);
    expect(await timed(queries("postgres"), "key get", () => Promise.resolve(7))).toBe(7);
    const failing = timed(queries("clickhouse"), "call get", () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    const text = await registry.metrics();
    for (const labels of [
      'store="postgres",operation="key get"',
      'store="clickhouse",operation="call get"',
    ])
      expect(text).toContain(`db_query_duration_seconds_count{${labels}} 1`);
  });
});
