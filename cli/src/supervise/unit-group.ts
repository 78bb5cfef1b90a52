import { Problem } from "../problem.ts";
import { stopRank } from "../up/stack-file.ts";
import { createUnit, type Unit, type UnitOptions } from "./unit.ts";

/** A unit as its maker describes it; the group adds what concerns all of them. */
export type UnitSpec = Omit<UnitOptions, "onProcess" | "say" | "onGiveUp">;

/** Processes that are kept alive and stopped together. */
export type UnitGroup = {
  /** Starts one and resolves with its URL once it is up. */
  run(unit: UnitSpec): Promise<string>;
  /** Resolves when one cannot be kept alive any longer. */
  readonly failed: Promise<Problem>;
  /** Stops all in order: gateway, MCP servers, services, engines. None can be started afterwards. */
  stop(): Promise<void>;
  /** Kills all at once. */
  readonly kill: () => void;
};

export function createUnitGroup(options: {
  readonly onProcess: (process: { name: string; pid: number; url: string }) => void;
  readonly say: (line: string) => void;
}): UnitGroup {
  const units: { readonly unit: Unit; readonly logFile: string }[] = [];
  let stopped = false;
  let giveUp: (problem: Problem) => void = () => undefined;
  const failed = new Promise<Problem>((resolve) => {
    giveUp = resolve;
  });
  return {
    failed,
    async run(spec) {
      if (stopped) throw new Problem("the start was interrupted", "Start it again.");
      const unit = createUnit({
        ...spec,
        say: options.say,
        onGiveUp: giveUp,
        onProcess: ({ pid, url }) => {
          options.onProcess({ name: spec.name, pid, url });
        },
      });
      units.push({ unit, logFile: spec.logFile });
      return (await unit.start()).url;
    },
    async stop() {
      stopped = true;
      const ranks = new Set(units.map(({ unit }) => stopRank(unit.name)));
      for (const rank of [...ranks].sort((a, b) => a - b))
        await Promise.all(units.filter(({ unit }) => stopRank(unit.name) === rank).map(stopOne));
    },
    kill() {
      stopped = true;
      for (const { unit } of units) unit.kill();
    },
  };

  async function stopOne({ unit, logFile }: { unit: Unit; logFile: string }): Promise<void> {
    if (await unit.stop())
      options.say(`! ${unit.name} did not stop in time and was killed. Log: ${logFile}`);
  }
}
