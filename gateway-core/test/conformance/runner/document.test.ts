import { describe, expect, it } from "@jest/globals";
import type { Cell } from "./cells.ts";
import type { ScenarioResult } from "./checks.ts";
import { documentOf } from "./document.ts";

const CELL: Cell = {
  id: "legacy/2025-11-25",
  role: "server",
  era: "legacy",
  revision: "2025-11-25",
};
const FAILING: ScenarioResult = {
  scenario: "ping",
  scoring: "pending",
  checks: [
    { id: "one", status: "FAILURE", message: "" },
    { id: "one", status: "FAILURE", message: "" },
    { id: "two", status: "FAILURE", message: "" },
    { id: "three", status: "FAILURE", message: "" },
    { id: "four", status: "WARNING", message: "Should\nanswer." },
  ],
};

describe("documentOf", () => {
  const text = documentOf({
    suite: "suite 1.2.3",
    cells: [CELL, { ...CELL, id: "not run" }],
    results: new Map([[CELL.id, [FAILING]]]),
    expectations: [
      { cells: [CELL.id], scenarios: ["ping"], checks: ["one", "two"], reason: "a | b" },
    ],
    leftOut: new Map([["No time", ["auth/a", "auth/b"]]]),
  });

  it("names the suite and has a row for every cell that ran", () => {
    expect(text).toContain("`suite 1.2.3`");
    expect(text).toContain("| legacy/2025-11-25 | 0 of 0 | 0 | 0 | 1 | 0 of 1 |");
    expect(text).not.toContain("not run");
  });

  it("says under each reason what fails for it, with its checks named once", () => {
    expect(text).toContain("\n\na | b\n\n- ping (not scored: pending): `one`, `two`\n\n");
  });

  it("says what has no reason", () => {
    expect(text).toContain("**Unexpected:**\n\n- ping (not scored: pending): `three`");
  });

  it("lists warnings and what was left out", () => {
    expect(text).toContain("- ping (not scored: pending): `four`. Should answer.");
    expect(text).toContain("- No time: `auth/a`, `auth/b`");
  });
});
