import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parse } from "yaml";
import type { Cell, Revision } from "./cells.ts";
import type { Scoring } from "./checks.ts";

export type Requirement = { readonly scenario: string; readonly scoring: Scoring };

type RequirementSet = {
  readonly server: readonly string[];
  readonly client: readonly string[];
  readonly not_scored: readonly {
    readonly scenario: string;
    readonly leg: "server" | "client";
    readonly reason: Exclude<Scoring, "required">;
  }[];
};

const PACKAGE = "@modelcontextprotocol/conformance";
const MANIFEST = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
const FOLDER = dirname(MANIFEST);

/** The suite's program. */
export const SUITE_PROGRAM = join(FOLDER, "dist", "index.js");

/** The suite's name and version, "name 1.2.3". */
export function suiteName(): string {
  const { version } = JSON.parse(readFileSync(MANIFEST, "utf8")) as { version: string };
  return `${PACKAGE} ${version}`;
}

/** What a revision requires in the cell's role, and what the suite runs beside that without counting it. */
export function requirementsOf({ role, revision }: Pick<Cell, "role" | "revision">): Requirement[] {
  const set = readSet(revision);
  return [
    ...set[role].map((scenario) => ({ scenario, scoring: "required" as const })),
    ...set.not_scored
      .filter(({ leg }) => leg === role)
      .map(({ scenario, reason }) => ({ scenario, scoring: reason })),
  ];
}

/**
 * Scenarios of authorization: the suite is the authorization server of its own MCP server then, and an agent's key is
 * the gateway's own.
 */
export function isAuthorization({ scenario }: Requirement): boolean {
  return scenario.startsWith("auth/");
}

function readSet(revision: Revision): RequirementSet {
  const text = readFileSync(join(FOLDER, "requirements", `${revision}.yaml`), "utf8");
  return parse(text) as RequirementSet;
}
