import type { Cell } from "./cells.ts";
import { failuresOf, shortened, warningsOf, type ScenarioResult } from "./checks.ts";
import { reasonsFor, type Expectation, type ResultsByCell } from "./expectations.ts";
import { figuresOf } from "./figures.ts";

export type DocumentParts = {
  readonly suite: string;
  readonly cells: readonly Cell[];
  readonly results: ResultsByCell;
  readonly expectations: readonly Expectation[];
  /** Scenarios of the requirement sets that are not run, by what keeps them out. */
  readonly leftOut: ReadonlyMap<string, readonly string[]>;
};

/** The text of docs/conformance.md. Times are left out of it, so that two runs with the same results write the same. */
export function documentOf(parts: DocumentParts): string {
  const { cells, results } = parts;
  const ran = cells.filter(({ id }) => results.has(id));
  return [
    "# Conformance",
    [
      `The official suite, \`${parts.suite}\`, through a running gateway. Written by \`npm run conformance\`; do not edit. Reasons stand in`,
      "`gateway-core/test/conformance/expectations.json`, committed figures in `figures.json` beside it. A run fails when a figure gets worse, when a",
      "check fails without a reason, and when a reason has no failure any more.",
    ].join("\n"),
    [
      "In cells `legacy` and `modern` the suite is the client, and our fixture of that era the MCP server. In `legacy-client` and `modern-client` a",
      "scripted client of that era calls the suite's MCP server. The date is the revision that the suite speaks: where it is not of the named era, the",
      "gateway has to translate.",
    ].join("\n"),
    tableOf(ran, results),
    ...ran.flatMap((cell) => sectionOf(cell, results.get(cell.id) ?? [], parts.expectations)),
    ...leftOutOf(parts.leftOut),
    "",
  ].join("\n\n");
}

function tableOf(cells: readonly Cell[], results: ResultsByCell): string {
  const rows = cells.map(({ id }) => {
    const figures = figuresOf(results.get(id) ?? []);
    return (
      `| ${id} | ${figures.passed} of ${figures.required} | ${figures.checksPassed} | ${figures.checksFailed} ` +
      `| ${figures.warnings} | ${figures.otherPassed} of ${figures.otherPassed + figures.otherFailed} |`
    );
  });
  return [
    "| cell | required scenarios passed | checks passed | checks failed | warnings | not scored, passed |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function sectionOf(
  cell: Cell,
  results: readonly ScenarioResult[],
  expectations: readonly Expectation[],
): string[] {
  const failures = failuresByReason(cell, results, expectations);
  const warnings = results.flatMap((result) =>
    warningsOf(result).map(
      ({ id, message }) => `- ${nameOf(result)}: \`${id}\`. ${shortened(message)}`,
    ),
  );
  if (failures.size + warnings.length === 0) return [];
  return [
    `## ${cell.id}`,
    ...[...failures].flatMap(([reason, lines]) => [reason, lines.join("\n")]),
    ...(warnings.length === 0
      ? []
      : ["Warnings, of what is only recommended:", warnings.join("\n")]),
  ];
}

/** A line for every scenario that fails for the reason; one may fail for several. */
function failuresByReason(
  { id: cell }: Cell,
  results: readonly ScenarioResult[],
  expectations: readonly Expectation[],
): Map<string, string[]> {
  const lines = new Map<string, string[]>();
  for (const result of results) {
    const { scenario } = result;
    const checks = Map.groupBy(
      new Set(failuresOf(result).map(({ id }) => id)),
      (check) => reasonsFor(expectations, { cell, scenario, check })[0] ?? "**Unexpected:**",
    );
    for (const [reason, ids] of checks) {
      const line = `- ${nameOf(result)}: ${ids.map((id) => `\`${id}\``).join(", ")}`;
      lines.set(reason, [...(lines.get(reason) ?? []), line]);
    }
  }
  return lines;
}

function nameOf({ scenario, scoring }: ScenarioResult): string {
  return scoring === "required" ? scenario : `${scenario} (not scored: ${scoring})`;
}

function leftOutOf(leftOut: DocumentParts["leftOut"]): string[] {
  if (leftOut.size === 0) return [];
  const items = [...leftOut].map(
    ([why, scenarios]) => `- ${why}: ${scenarios.map((name) => `\`${name}\``).join(", ")}`,
  );
  return ["## Not run", items.join("\n")];
}
