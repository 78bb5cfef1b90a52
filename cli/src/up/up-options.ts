import { availableParallelism } from "node:os";
import { dataDirectory } from "../checkout.ts";
import { Problem } from "../problem.ts";
import type { PortMode } from "./ports.ts";

/** What the command line says about a start. */
export type UpFlags = {
  readonly data?: string;
  readonly ports?: string;
  readonly workers?: string;
  readonly detach?: boolean;
  readonly foreground?: boolean;
};

export type UpOptions = {
  readonly directory: string;
  /** Undefined: as at the last start. */
  readonly portMode: PortMode | undefined;
  readonly workers: number;
};

const MAX_WORKERS = 64;

export function upOptionsFrom(flags: UpFlags): UpOptions {
  const { ports } = flags;
  if (ports !== undefined && ports !== "auto" && ports !== "default")
    throw new Problem(`--ports ${ports} is not known`, "Use --ports auto or --ports default.");
  const workers = Number(
    flags.workers ?? process.env["GWO_GATEWAY_WORKERS"] ?? availableParallelism(),
  );
  if (!Number.isInteger(workers) || workers < 1 || workers > MAX_WORKERS)
    throw new Problem(
      "the number of workers is not a whole number from 1 to 64",
      "Use --workers N, or leave it out for one per processor.",
    );
  return { directory: dataDirectory(flags.data), portMode: ports, workers };
}
