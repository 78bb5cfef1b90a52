import type { Cell } from "./cells.ts";
import { failuresOf, isPassed, shortened, type ScenarioResult } from "./checks.ts";
import { figuresOf } from "./figures.ts";

/** A cell that was run. */
export type CellRun = {
  readonly cell: Cell;
  readonly results: readonly ScenarioResult[];
  readonly seconds: number;
};

const HEAD = ["cell", "required", "checks passed", "failed", "warnings", "not scored", "seconds"];

/** A table with a row for each cell. */
export function tableOf(runs: readonly CellRun[]): string {
  const rows = runs.map(({ cell, results, seconds }) => {
    const figures = figuresOf(results);
    return [
      cell.id,
      `${figures.passed}/${figures.required}`,
      String(figures.checksPassed),
      String(figures.checksFailed),
      String(figures.warnings),
      `${figures.otherPassed}/${figures.otherPassed + figures.otherFailed}`,
      seconds.toFixed(1),
    ];
  });
  const lines = [HEAD, ...rows];
  const widths = HEAD.map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0)),
  );
  return lines
    .map((line) =>
      line
        .map((text, column) =>
          column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0),
        )
        .join("  "),
    )
    .join("\n");
}

/** Required scenarios that failed, and what failed in them. */
export function failuresText(runs: readonly CellRun[]): string {
  return runs
    .flatMap(({ cell, results }) =>
      results
        .filter((result) => result.scoring === "required" && !isPassed(result))
        .flatMap((result) => [
          `✗ ${cell.id} ${result.scenario}`,
          ...failuresOf(result).map(({ id, message }) => `    ${id}: ${shortened(message)}`),
        ]),
    )
    .join("\n");
}
