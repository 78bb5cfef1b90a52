import { describe, expect, it } from "@jest/globals";
import type { Cell } from "./cells.ts";
import { align, cellTable } from "./table.ts";

describe("align", () => {
  it("puts names to the left and numbers to the right", () => {
    expect(
      align(
        ["name", "n"],
        [
          ["a", "1"],
          ["longer", "1000"],
        ],
      ),
    ).toBe(["name       n", "a          1", "longer  1000"].join("\n"));
  });
});

describe("cellTable", () => {
  it("shows medians, the spread of the CPU time, and ratios", () => {
    const [head, row] = cellTable([CELL]).split("\n");
    expect(head?.split(/ {2,}/)).toHaveLength(12);
    expect(row?.split(/ {2,}/)).toEqual([
      "gateway",
      "64",
      "7000",
      "1.23",
      "2.00",
      "3.00",
      "52.0",
      "50.0–55.3",
      "210",
      "0.45",
      "3.10",
      "25 %",
    ]);
  });

  it("shows a dash where there is nothing to show", () => {
    const direct: Cell = { ...CELL, cpuUsPerCall: null, rssBytes: null, cpuRatioToNginx: null };
    expect(cellTable([direct]).match(/–/g)).toHaveLength(5);
  });
});

const CELL: Cell = {
  target: "gateway",
  connections: 64,
  calls: 35_000,
  requestsPerSecond: { min: 1, median: 7_000.4, max: 9_000 },
  p50Us: { min: 1, median: 1_234, max: 9_000 },
  p95Us: { min: 1, median: 2_000, max: 9_000 },
  p99Us: { min: 1, median: 3_000, max: 9_000 },
  cpuUsPerCall: { min: 50, median: 52, max: 55.26 },
  rssBytes: 210e6,
  cpuRatioToNginx: { min: 3, median: 3.1, max: 3.2 },
  rpsRatioToNginx: { min: 0.4, median: 0.45, max: 0.5 },
  foreignShare: { min: 0, median: 0.25, max: 0.3 },
};
