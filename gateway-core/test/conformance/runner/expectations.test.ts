import { describe, expect, it } from "@jest/globals";
import type { Check, ScenarioResult } from "./checks.ts";
import { judge, reasonsFor, type Expectation } from "./expectations.ts";

const WHOLE: Expectation = { cells: ["a", "b"], scenarios: ["ping"], reason: "no ping" };
const ONE_CHECK: Expectation = {
  cells: ["a"],
  scenarios: ["list"],
  checks: ["order"],
  reason: "no order",
};

describe("judge", () => {
  it("is content when all that fails has a reason, and all reasons have a failure", () => {
    const results = resultsOf({
      a: [scenario("ping", { answers: "FAILURE" }), scenario("list", { order: "FAILURE" })],
      b: [scenario("ping", { answers: "FAILURE" })],
    });
    expect(judge(results, [WHOLE, ONE_CHECK])).toEqual({ unexpected: [], stale: [] });
  });

  it("finds failures without a reason, each once", () => {
    const twice: ScenarioResult = {
      scenario: "list",
      scoring: "required",
      checks: [check("names", "FAILURE"), check("names", "FAILURE"), check("order", "FAILURE")],
    };
    const results = resultsOf({ a: [twice] });
    expect(judge(results, [ONE_CHECK]).unexpected).toEqual(["a list: names"]);
  });

  it("expects nothing of another cell", () => {
    const results = resultsOf({ c: [scenario("ping", { answers: "FAILURE" })] });
    expect(judge(results, [WHOLE]).unexpected).toEqual(["c ping: answers"]);
  });

  it("finds reasons that are not needed any more", () => {
    const results = resultsOf({
      a: [
        scenario("ping", { answers: "SUCCESS" }),
        scenario("list", { order: "SUCCESS", names: "FAILURE" }),
      ],
      b: [scenario("ping", { answers: "FAILURE" })],
    });
    expect(judge(results, [WHOLE, ONE_CHECK])).toEqual({
      unexpected: ["a list: names"],
      stale: ["a ping", "a list: order"],
    });
  });

  it("keeps the reason of a check that a broken scenario did not reach", () => {
    const results = resultsOf({ a: [scenario("list", { connects: "FAILURE" })] });
    expect(judge(results, [ONE_CHECK]).stale).toEqual([]);
  });

  it("drops the reason of a check that is gone from a scenario that passes", () => {
    const results = resultsOf({ a: [scenario("list", { names: "SUCCESS" })] });
    expect(judge(results, [ONE_CHECK]).stale).toEqual(["a list: order"]);
  });

  it("says nothing of what was not run", () => {
    expect(judge(resultsOf({ a: [] }), [WHOLE, ONE_CHECK])).toEqual({ unexpected: [], stale: [] });
  });
});

describe("reasonsFor", () => {
  it("finds the reasons of one check", () => {
    const expectations = [WHOLE, ONE_CHECK];
    expect(reasonsFor(expectations, { cell: "b", scenario: "ping", check: "x" })).toEqual([
      "no ping",
    ]);
    expect(reasonsFor(expectations, { cell: "a", scenario: "list", check: "names" })).toEqual([]);
  });
});

function resultsOf(cells: Record<string, ScenarioResult[]>): Map<string, ScenarioResult[]> {
  return new Map(Object.entries(cells));
}

function scenario(name: string, checks: Record<string, Check["status"]>): ScenarioResult {
  return {
    scenario: name,
    scoring: "required",
    checks: Object.entries(checks).map(([id, status]) => check(id, status)),
  };
}

function check(id: string, status: Check["status"]): Check {
  return { id, status, message: "" };
}
