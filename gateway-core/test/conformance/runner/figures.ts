import { isPassed, type Check, type ScenarioResult } from "./checks.ts";

/** What a cell reached. The figures of required scenarios and of the others are kept apart. */
export type Figures = {
  readonly required: number;
  readonly passed: number;
  readonly checksPassed: number;
  readonly checksFailed: number;
  /** Of all scenarios: what the specification only recommends. */
  readonly warnings: number;
  readonly otherPassed: number;
  readonly otherFailed: number;
};

export type FiguresByCell = Readonly<Record<string, Figures>>;

export function figuresOf(results: readonly ScenarioResult[]): Figures {
  const required = results.filter(({ scoring }) => scoring === "required");
  const others = results.filter(({ scoring }) => scoring !== "required");
  const otherPassed = others.filter(isPassed).length;
  return {
    required: required.length,
    passed: required.filter(isPassed).length,
    checksPassed: count(required, "SUCCESS"),
    checksFailed: count(required, "FAILURE"),
    warnings: count(results, "WARNING"),
    otherPassed,
    otherFailed: others.length - otherPassed,
  };
}

/** What is worse than it was committed, in sentences. A cell that was never committed cannot be worse. */
export function lossesOf(now: FiguresByCell, committed: FiguresByCell): string[] {
  return Object.entries(now).flatMap(([cell, figures]) => {
    const before = committed[cell];
    if (before === undefined) return [];
    const losses = MORE_IS_BETTER.filter(([name]) => figures[name] < before[name]).map(
      ([name, words]) => `${cell}: ${words} fell from ${before[name]} to ${figures[name]}`,
    );
    if (figures.warnings > before.warnings)
      losses.push(`${cell}: warnings rose from ${before.warnings} to ${figures.warnings}`);
    return losses;
  });
}

const MORE_IS_BETTER = [
  ["required", "required scenarios"],
  ["passed", "required scenarios passed"],
  ["checksPassed", "checks passed"],
  ["otherPassed", "not scored scenarios passed"],
] as const;

function count(results: readonly ScenarioResult[], wanted: Check["status"]): number {
  return results.flatMap(({ checks }) => checks).filter(({ status }) => status === wanted).length;
}
