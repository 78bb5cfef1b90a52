import { describe, expect, it } from "@jest/globals";
import { cellsFrom } from "./cells.ts";
import type { Run } from "./measure.ts";

describe("cellsFrom", () => {
  it("compares every run with nginx's of the same round", () => {
    const cells = cellsFrom([
      run({ target: "nginx", round: 1, requestsPerSecond: 1_000, cpuUsPerCall: 10 }),
      run({ target: "gateway", round: 1, requestsPerSecond: 500, cpuUsPerCall: 30 }),
      run({ target: "nginx", round: 2, requestsPerSecond: 2_000, cpuUsPerCall: 20 }),
      run({ target: "gateway", round: 2, requestsPerSecond: 400, cpuUsPerCall: 40, rssBytes: 9 }),
    ]);
    expect(cells.map(({ target }) => target)).toEqual(["nginx", "gateway"]);
    expect(cells[1]).toMatchObject({
      calls: 200,
      rssBytes: 9,
      cpuUsPerCall: { min: 30, median: 35, max: 40 },
      cpuRatioToNginx: { min: 2, median: 2.5, max: 3 },
      rpsRatioToNginx: { min: 0.2, median: 0.35, max: 0.5 },
    });
  });

  it("has no CPU where there is no proxy", () => {
    const [direct] = cellsFrom([
      run({ target: "direct", cpuUsPerCall: 0 }),
      run({ target: "nginx", cpuUsPerCall: 10 }),
    ]);
    expect(direct).toMatchObject({ cpuUsPerCall: null, rssBytes: null, cpuRatioToNginx: null });
  });

  it("keeps numbers of connections apart", () => {
    const cells = cellsFrom([
      run({ target: "nginx", connections: 1 }),
      run({ target: "nginx", connections: 64 }),
    ]);
    expect(cells.map(({ connections }) => connections)).toEqual([1, 64]);
  });
});

function run(fields: Partial<Run>): Run {
  return {
    target: "nginx",
    connections: 64,
    round: 1,
    calls: 100,
    requestsPerSecond: 1_000,
    p50Us: 1,
    p95Us: 2,
    p99Us: 3,
    cpuUsPerCall: 10,
    rssBytes: 1,
    foreignShare: 0,
    ...fields,
  };
}
