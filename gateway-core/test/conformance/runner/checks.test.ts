import { describe, expect, it } from "@jest/globals";
import {
  failuresOf,
  isPassed,
  readChecks,
  scenarioOfDirectory,
  shortened,
  unfinished,
  type ScenarioResult,
} from "./checks.ts";

describe("readChecks", () => {
  it("takes id, status and what went wrong", () => {
    const text = JSON.stringify([
      { id: "a", name: "A", description: "does a", status: "SUCCESS", timestamp: "t" },
      { id: "b", description: "does b", status: "FAILURE", errorMessage: "did not" },
    ]);
    expect(readChecks(text)).toEqual([
      { id: "a", status: "SUCCESS", message: "does a" },
      { id: "b", status: "FAILURE", message: "did not" },
    ]);
  });

  it("keeps every occurrence of an id", () => {
    const text = JSON.stringify([
      { id: "a", status: "SUCCESS" },
      { id: "a", status: "FAILURE" },
    ]);
    expect(readChecks(text).map(({ status }) => status)).toEqual(["SUCCESS", "FAILURE"]);
  });

  it.each(['{"id":"a"}', '[{"id":"a","status":"MAYBE"}]', '[{"status":"SUCCESS"}]', "[{"])(
    "refuses %s",
    (text) => {
      expect(() => readChecks(text)).toThrow();
    },
  );
});

describe("scenarioOfDirectory", () => {
  it.each([
    ["server-ping-2026-11-25T07-14-42-120Z", "ping"],
    ["server-server-stateless-2026-11-25T07-14-42-120Z", "server-stateless"],
    ["server-json-schema-2020-12-2026-11-25T07-14-42-120Z", "json-schema-2020-12"],
    ["tools_call-2026-11-25T07-14-42-120Z", "tools_call"],
  ])("%s is of %s", (name, scenario) => {
    expect(scenarioOfDirectory(name)).toBe(scenario);
  });
});

describe("isPassed", () => {
  it("lets warnings and skipped checks pass, as the suite does", () => {
    expect(isPassed(resultOf(["SUCCESS", "WARNING", "SKIPPED", "INFO"]))).toBe(true);
    expect(isPassed(resultOf(["SUCCESS", "FAILURE"]))).toBe(false);
  });

  it("does not pass a scenario that wrote no result", () => {
    const result: ScenarioResult = { scenario: "s", scoring: "required", checks: unfinished() };
    expect(isPassed(result)).toBe(false);
    expect(failuresOf(result).map(({ id }) => id)).toEqual(["did-not-finish"]);
  });
});

describe("shortened", () => {
  it("makes one line of at most 240 characters", () => {
    expect(shortened("a\n  b")).toBe("a b");
    expect(shortened("x".repeat(240))).toBe("x".repeat(240));
    expect(shortened("x".repeat(241))).toBe(`${"x".repeat(240)}…`);
  });
});

function resultOf(statuses: readonly ScenarioResult["checks"][number]["status"][]): ScenarioResult {
  const checks = statuses.map((status, index) => ({ id: `c${index}`, status, message: "" }));
  return { scenario: "s", scoring: "required", checks };
}
