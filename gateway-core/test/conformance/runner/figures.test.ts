import { describe, expect, it } from "@jest/globals";
import type { Check, ScenarioResult, Scoring } from "./checks.ts";
import { figuresOf, lossesOf, type Figures } from "./figures.ts";

const ALL_WELL: Figures = {
  required: 30,
  passed: 30,
  checksPassed: 70,
  checksFailed: 0,
  warnings: 0,
  otherPassed: 3,
  otherFailed: 0,
};

describe("figuresOf", () => {
  it("counts the checks of required scenarios, and of the others the scenarios", () => {
    expect(
      figuresOf([
        scenario("required", ["SUCCESS", "SUCCESS", "INFO"]),
        scenario("required", ["SUCCESS", "FAILURE", "WARNING"]),
        scenario("pending", ["SUCCESS"]),
        scenario("extension", ["FAILURE", "WARNING"]),
      ]),
    ).toEqual({
      required: 2,
      passed: 1,
      checksPassed: 3,
      checksFailed: 1,
      warnings: 2,
      otherPassed: 1,
      otherFailed: 1,
    });
  });
});

describe("lossesOf", () => {
  it("finds nothing in the same or in better figures", () => {
    const before = { ...ALL_WELL, passed: 29, checksPassed: 68, warnings: 1 };
    expect(lossesOf({ cell: ALL_WELL }, { cell: ALL_WELL })).toEqual([]);
    expect(lossesOf({ cell: ALL_WELL }, { cell: before })).toEqual([]);
  });

  it("names what fell and from where", () => {
    const now = { ...ALL_WELL, passed: 29, checksPassed: 69 };
    expect(lossesOf({ cell: now }, { cell: ALL_WELL })).toEqual([
      "cell: required scenarios passed fell from 30 to 29",
      "cell: checks passed fell from 70 to 69",
    ]);
  });

  it("names warnings that came, scenarios that went, and what is not scored", () => {
    const now = { ...ALL_WELL, required: 29, warnings: 2, otherPassed: 2 };
    expect(lossesOf({ cell: now }, { cell: ALL_WELL })).toEqual([
      "cell: required scenarios fell from 30 to 29",
      "cell: not scored scenarios passed fell from 3 to 2",
      "cell: warnings rose from 0 to 2",
    ]);
  });

  it("holds a cell that was never committed to nothing", () => {
    expect(lossesOf({ fresh: { ...ALL_WELL, passed: 0 } }, { cell: ALL_WELL })).toEqual([]);
  });
});

function scenario(scoring: Scoring, statuses: readonly Check["status"][]): ScenarioResult {
  const checks = statuses.map((status, index) => ({ id: `c${index}`, status, message: "" }));
  return { scenario: "s", scoring, checks };
}
