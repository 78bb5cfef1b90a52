import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { selfTimes, sharesByOrigin, shortPath } from "./self-time.ts";
import type { CpuProfile, SelfTime } from "./self-time.ts";
import { align } from "./table.ts";

if (import.meta.main) main();

/** Prints what costs most in CPU profiles: by function, and by where the code comes from. */
function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { top: { type: "string", default: "30" }, "us-per-call": { type: "string" } },
  });
  if (positionals.length === 0) {
    process.stderr.write(
      "node bench/src/top-functions.ts [--top N] [--us-per-call X] FILE.cpuprofile …\n",
    );
    process.exitCode = 2;
    return;
  }
  const profiles = positionals.map((file) => JSON.parse(readFileSync(file, "utf8")) as CpuProfile);
  const usPerCall = values["us-per-call"];
  const options = {
    top: Number(values.top),
    usPerCall: usPerCall === undefined ? undefined : Number(usPerCall),
  };
  process.stdout.write(`${selfTimeTables(selfTimes(profiles), options)}\n`);
}

/** @param options usPerCall: CPU time of a call, shared out to the functions; undefined shows shares alone */
export function selfTimeTables(
  times: readonly SelfTime[],
  options: { readonly top: number; readonly usPerCall: number | undefined },
): string {
  const { top, usPerCall } = options;
  const cost = (share: number): string[] => [
    `${(share * 100).toFixed(1)} %`,
    ...(usPerCall === undefined ? [] : [(share * usPerCall).toFixed(2)]),
  ];
  const units = ["self", ...(usPerCall === undefined ? [] : ["µs/call"])];
  const functions = times
    .slice(0, top)
    .map(({ name, file, line, share }) => [
      file === "" ? name : `${name} ${shortPath(file)}:${line}`,
      ...cost(share),
    ]);
  const origins = sharesByOrigin(times)
    .slice(0, top)
    .map(({ origin, share }) => [origin, ...cost(share)]);
  return `${align(["function", ...units], functions)}\n\n${align(["from", ...units], origins)}`;
}
