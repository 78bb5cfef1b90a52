import { parseArgs } from "node:util";
import { CELLS, type Cell } from "./cells.ts";

export type ConformanceOptions = {
  readonly cells: readonly Cell[];
  /** The one scenario to run. Undefined for all. */
  readonly scenario: string | undefined;
  readonly isVerbose: boolean;
  /** Leaves the gateway out: what fails then is the fixtures' own. */
  readonly isDirect: boolean;
  /** Writes the figures reached as those that must be reached from now on. */
  readonly accepts: boolean;
};

export const USAGE = `npm run conformance -- [options]

  --cell ID        run one cell: ${CELLS.map(({ id }) => id).join(", ")}
  --scenario NAME  run one scenario, in the cells that have it
  --direct         run the fixtures without the gateway, in their own eras
  --accept         commit the figures reached to figures.json
  --verbose        show what the suite prints
  --help           show this
`;

/**
 * What the command line asks for, "help" when it asks for the usage.
 *
 * @throws Error for what is not known or makes no sense together
 */
export function optionsFrom(args: readonly string[]): ConformanceOptions | "help" {
  const { values } = parseArgs({ args: [...args], options: FLAGS });
  if (values.help) return "help";
  const cells = values.cell === undefined ? CELLS : CELLS.filter(({ id }) => id === values.cell);
  if (cells.length === 0)
    throw new Error(`There is no cell ${values.cell ?? ""}. See --help for those there are.`);
  if (values.accept && (values.direct || values.scenario !== undefined))
    throw new Error(
      "--accept takes whole cells through the gateway: leave --direct and --scenario out.",
    );
  return {
    cells,
    scenario: values.scenario,
    isVerbose: values.verbose,
    isDirect: values.direct,
    accepts: values.accept,
  };
}

const FLAGS = {
  cell: { type: "string" },
  scenario: { type: "string" },
  direct: { type: "boolean", default: false },
  accept: { type: "boolean", default: false },
  verbose: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;
