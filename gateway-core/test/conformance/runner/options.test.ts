import { describe, expect, it } from "@jest/globals";
import { optionsFrom } from "./options.ts";

describe("optionsFrom", () => {
  it("runs every cell when nothing is said", () => {
    const options = optionsFrom([]);
    if (options === "help") throw new Error("The usage was not asked for.");
    expect(options.cells.map(({ id }) => id)).toEqual([
      "legacy/2025-11-25",
      "legacy/2026-07-28",
      "modern/2025-11-25",
      "modern/2026-07-28",
      "legacy-client/2025-11-25",
      "legacy-client/2026-07-28",
      "modern-client/2025-11-25",
      "modern-client/2026-07-28",
    ]);
  });

  it("runs the one cell that is named", () => {
    const options = optionsFrom(["--cell", "modern/2025-11-25"]);
    if (options === "help") throw new Error("The usage was not asked for.");
    expect(options.cells).toEqual([
      { id: "modern/2025-11-25", role: "server", era: "modern", revision: "2025-11-25" },
    ]);
  });

  it("shows the usage", () => {
    expect(optionsFrom(["--help", "--cell", "none"])).toBe("help");
  });

  it.each([
    [["--cell", "modern"]],
    [["--acept"]],
    [["--accept", "--direct"]],
    [["--accept", "--scenario", "ping"]],
  ])("refuses %j", (args) => {
    expect(() => optionsFrom(args)).toThrow();
  });
});
