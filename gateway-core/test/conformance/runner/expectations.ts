import { failuresOf, isPassed, type ScenarioResult } from "./checks.ts";

/** Failures that are known, and why they are there. */
export type Expectation = {
  readonly cells: readonly string[];
  readonly scenarios: readonly string[];
  /** Ids of the checks that may fail. Absent: all of the scenario. */
  readonly checks?: readonly string[];
  /** Why, in a sentence or two, and whose it is to change: the gateway's, the fixture's or the suite's. */
  readonly reason: string;
};

export type Verdict = {
  /** `cell scenario: checks` of failures without a reason. */
  readonly unexpected: readonly string[];
  /** `cell scenario: checks` of reasons without a failure; without checks where the reason was for all of them. */
  readonly stale: readonly string[];
};

export type ResultsByCell = ReadonlyMap<string, readonly ScenarioResult[]>;

/** The reasons of a check's failure, in the order they are written. Empty: nobody expected it. */
export function reasonsFor(
  expectations: readonly Expectation[],
  at: { readonly cell: string; readonly scenario: string; readonly check: string },
): string[] {
  return expectations
    .filter(
      ({ cells, scenarios, checks }) =>
        cells.includes(at.cell) &&
        scenarios.includes(at.scenario) &&
        (checks === undefined || checks.includes(at.check)),
    )
    .map(({ reason }) => reason);
}

/**
 * Holds results and expectations against each other. A check that a broken scenario never reached is not stale, for
 * what broke it has its own failure; cells and scenarios that were not run are left out.
 */
export function judge(results: ResultsByCell, expectations: readonly Expectation[]): Verdict {
  const unexpected = [...results].flatMap(([cell, scenarios]) =>
    scenarios.flatMap((result) => {
      const { scenario } = result;
      const ids = failuresOf(result)
        .map(({ id }) => id)
        .filter((check) => reasonsFor(expectations, { cell, scenario, check }).length === 0);
      return ids.length === 0 ? [] : [`${cell} ${scenario}: ${[...new Set(ids)].join(", ")}`];
    }),
  );
  const stale = expectations.flatMap(({ cells, scenarios, checks }) =>
    cells.flatMap((cell) =>
      scenarios.flatMap((scenario) => {
        const result = results.get(cell)?.find((candidate) => candidate.scenario === scenario);
        return result ? staleIn(result, checks).map((what) => `${cell} ${what}`) : [];
      }),
    ),
  );
  return { unexpected, stale };
}

/** An unneeded reason for the whole scenario, or the checks that do not need theirs. */
function staleIn(result: ScenarioResult, checks: readonly string[] | undefined): string[] {
  const { scenario } = result;
  if (checks === undefined) return isPassed(result) ? [scenario] : [];
  const failed = new Set(failuresOf(result).map(({ id }) => id));
  const succeeded = new Set(
    result.checks.filter(({ status }) => status === "SUCCESS").map(({ id }) => id),
  );
  const unneeded = checks.filter(
    (id) => !failed.has(id) && (succeeded.has(id) || isPassed(result)),
  );
  return unneeded.length === 0 ? [] : [`${scenario}: ${unneeded.join(", ")}`];
}
