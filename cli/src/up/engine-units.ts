import { join } from "node:path";
import { startClickHouse } from "@gatewayops/engines/clickhouse";
import type { EngineHandle, EngineOptions } from "@gatewayops/engines/engine";
import { startPostgres } from "@gatewayops/engines/postgres";
import { startRedis } from "@gatewayops/engines/redis";
import { ENGINES_DIRECTORY } from "../checkout.ts";
import { runningEngine } from "../supervise/engine-unit.ts";
import type { UnitOptions } from "../supervise/unit.ts";
import { logFileOf, type Layout } from "./layout.ts";
import type { Ports } from "./ports.ts";

export const ENGINES = ["postgres", "redis", "clickhouse"] as const;
export type EngineName = (typeof ENGINES)[number];

/** The variable that replaces an embedded engine by a real server. */
export const ENGINE_VARIABLES: Readonly<Record<EngineName, string>> = {
  postgres: "GWO_POSTGRES_URL",
  redis: "GWO_REDIS_URL",
  clickhouse: "GWO_CLICKHOUSE_URL",
};

const STARTERS: Readonly<
  Record<EngineName, (options: EngineOptions & { enginesDir: string }) => Promise<EngineHandle>>
> = { postgres: startPostgres, redis: startRedis, clickhouse: startClickHouse };

type EngineUnit = Pick<UnitOptions, "name" | "logFile" | "start" | "startMs">;

/** An embedded engine as something to keep alive, always with the same data and port. */
export function engineUnit(
  name: EngineName,
  options: { layout: Layout; ports: Ports; say: (line: string) => void },
): EngineUnit {
  const logFile = logFileOf(options.layout, name);
  return {
    name,
    logFile,
    startMs: 120_000,
    start: async () =>
      runningEngine(
        await STARTERS[name]({
          dataDir: join(options.layout.directory, name),
          port: options.ports[name],
          logFile,
          enginesDir: ENGINES_DIRECTORY,
          onProgress: options.say,
        }),
      ),
  };
}
