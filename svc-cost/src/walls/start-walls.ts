import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import type { Lifecycle } from "@gatewayops/platform/lifecycle";
import type { Logger } from "@gatewayops/platform/log";
import type { Database } from "@gatewayops/platform/postgres/database";
import { runExclusively } from "@gatewayops/platform/postgres/exclusive";
import { repeat } from "@gatewayops/platform/repeat";
import type { Redis } from "ioredis";
import type { Registry } from "prom-client";
import type { BudgetStore } from "../budgets/budget-store.ts";
import type { SpendStore } from "../budgets/spend-store.ts";
import type { TimeZones } from "../budgets/time-zones.ts";
import { createWallMetrics } from "../metrics.ts";
import { createPostgresLogRegistry } from "./log-registry.postgres.ts";
import type { LogRegistry } from "./log-registry.ts";
import { createClickHouseSpendByLog } from "./spend-by-log.clickhouse.ts";
import { publishSpent } from "./spent-publisher.ts";
import { createWallKeeper } from "./wall-keeper.ts";

export type WallsOptions = {
  readonly redis: Redis;
  readonly database: Database;
  readonly clickhouse: ClickHouse;
  readonly budgets: BudgetStore;
  readonly spend: SpendStore;
  readonly timeZones: TimeZones;
  readonly registry: Registry;
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
};

/** Milliseconds between looks at enforced budgets: calls wait while one is built. */
const KEEP_EVERY_MS = 200;
const TELL_EVERY_MS = 1_000;
const PURGE_EVERY_MS = 3_600_000;

/** Keeps what gateways hold calls to in step with the ledger. One replica at a time does. */
export function startWalls(options: WallsOptions): LogRegistry {
  const { redis, database, clickhouse, timeZones, lifecycle, log } = options;
  const now = (): number => Date.now();
  const logs = createPostgresLogRegistry(database);
  const unbuilt = createWallMetrics(options.registry);
  const keeper = createWallKeeper({
    ...{ redis, logs, log, now, budgets: options.budgets },
    timeZoneOf: (orgId) => timeZones.of(orgId),
    ledger: createClickHouseSpendByLog(clickhouse),
  });
  const start = (name: string, everyMs: number, work: () => Promise<void>): void => {
    repeat({ name, everyMs, work: () => runExclusively(database, name, work), lifecycle, log });
  };
  start("enforced budgets", KEEP_EVERY_MS, async () => {
    unbuilt(await keeper.sweep());
  });
  start("observed budgets", TELL_EVERY_MS, () =>
    publishSpent({ ...options, now, budgets: options.budgets }),
  );
  start("closed logs", PURGE_EVERY_MS, () => logs.purge(new Date()));
  return logs;
}
