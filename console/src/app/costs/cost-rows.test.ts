import { describe, expect, it } from "@jest/globals";

import { costFilterFrom } from "./cost-filter.ts";
import { costCsv, costRows, fillDays } from "./cost-rows.ts";

const line = (group: string, costUsdMicros: bigint) => ({
  group,
  calls: 2n,
  errors: 1n,
  costUsdMicros,
});

describe("costRows", () => {
  it("gives each line its share", () => {
    const rows = costRows([line("a", 300_000n), line("b", 100_000n)], 400_000n);
    expect(rows.map((row) => row.permille)).toEqual([750, 250]);
  });

  it("shares nothing where all was free", () => {
    expect(costRows([line("a", 0n)], 0n)[0]?.permille).toBe(0);
  });
});

describe("fillDays", () => {
  it("adds the days without calls, across the end of February", () => {
    const rows = costRows([line("2024-02-28", 1n), line("2024-03-01", 1n)], 2n);
    expect(
      fillDays(rows, { startDate: "2024-02-27", endDate: "2024-03-02" }).map((row) => [
        row.group,
        row.calls,
      ]),
    ).toEqual([
      ["2024-02-27", 0n],
      ["2024-02-28", 2n],
      ["2024-02-29", 0n],
      ["2024-03-01", 2n],
      ["2024-03-02", 0n],
    ]);
  });

  it("leaves alone what is not days", () => {
    const rows = costRows([line("everything", 1n)], 1n);
    expect(fillDays(rows, { startDate: "2024-02-27", endDate: "2024-03-02" })).toBe(rows);
  });
});

describe("costCsv", () => {
  it("quotes what needs it and disarms formulas", () => {
    const rows = costRows([line('Ops, "EU"', 1_500_000n), line("=1+1", 1n)], 1_500_001n);
    expect(costCsv(rows, "Team")).toBe(
      'Team,Calls,Errors,Cost USD\r\n"Ops, ""EU""",2,1,1.50\r\n\'=1+1,2,1,0.000001\r\n',
    );
  });
});

describe("costFilterFrom", () => {
  const now = Date.parse("2026-03-15T12:00:00Z");
  const nothing = { from: undefined, to: undefined, by: undefined };

  it("shows the last 30 days by day", () => {
    expect(costFilterFrom(nothing, now)).toMatchObject({
      startDate: "2026-02-14",
      endDate: "2026-03-15",
      group: { id: "day" },
    });
  });

  it("takes a period from the address, unless it makes no sense", () => {
    expect(costFilterFrom({ from: "2026-01-01", to: "2026-01-31", by: "team" }, now)).toMatchObject(
      {
        startDate: "2026-01-01",
        endDate: "2026-01-31",
        group: { id: "team" },
      },
    );
    expect(costFilterFrom({ from: "2026-02-01", to: "2026-01-01", by: "moon" }, now)).toMatchObject(
      { startDate: "2026-02-14", group: { id: "day" } },
    );
  });
});
