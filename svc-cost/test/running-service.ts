import { fileURLToPath } from "node:url";
import { ClickHouseLogLevel, createClient as createClickHouseClient } from "@clickhouse/client";
import { createRouterTransport, type Interceptor, type Transport } from "@connectrpc/connect";
import { createClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import { createDatabase } from "@gatewayops/platform/postgres/database";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { connectErrorFrom, failureFromConnect } from "@gatewayops/platform/rpc/errors";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Pool } from "pg";
import { createLedger } from "../src/ledger/ledger.ts";
import { createClickHouseLedgerStore } from "../src/ledger/ledger-store.clickhouse.ts";
import { createPostgresPriceStore } from "../src/prices/price-store.postgres.ts";
import { createClickHouseSimulationStore } from "../src/prices/simulation-store.clickhouse.ts";
import { createPostgresBudgetStore } from "../src/budgets/budget-store.postgres.ts";
import { createClickHouseSpendStore } from "../src/budgets/spend-store.clickhouse.ts";
import { createUsageReader } from "../src/budgets/usage-reader.ts";
import { createPostgresLogRegistry } from "../src/walls/log-registry.postgres.ts";
import { costRoutes, type CostServiceOptions } from "../src/service.ts";
import { createClickHouseSummaryStore } from "../src/summary/summary-store.clickhouse.ts";
import { asCaller } from "./as-caller.ts";
import { startStores } from "./engines.ts";

/** Noon of a day that is over: budgets are looked at as of then. */
export const NOON_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;

/** svc-cost's methods on real stores, without processes and streams. */
export type RunningService = {
  readonly transport: Transport;
  /** Puts records into the ledger, as the consumer does. */
  readonly store: (records: readonly CallCompletion[]) => Promise<void>;
  /** Organisations whose changed prices were told, in order. */
  readonly published: string[];
  stop(): Promise<void>;
};

export type RunningServiceOptions = {
  /** Whose calls are made: a person's who may do anything there. */
  readonly orgId: () => string;
  /** Names by kind and id: "server 0199…". */
  readonly names: Readonly<Record<string, string>>;
};

export async function startCostService({
  orgId,
  names,
}: RunningServiceOptions): Promise<RunningService> {
  const stores = await startStores();
  const client = createClickHouseClient({
    url: stores.clickhouseUrl,
    log: { level: ClickHouseLogLevel.OFF },
  });
  const pool = new Pool({ connectionString: stores.postgresUrl });
  pool.on("error", () => undefined);
  const clickhouse = createClickHouse({ client, service: "test" });
  const directory = (name: string): string =>
    fileURLToPath(new URL(`../migrations/${name}`, import.meta.url));
  await migrateClickHouse({ clickhouse, service: "svc-cost", directory: directory("clickhouse") });
  await migratePostgres({ pool, service: "svc-cost", directory: directory("postgres") });
  const ledger = createClickHouseLedgerStore(clickhouse);
  const published: string[] = [];
  const translated: Interceptor = (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      throw connectErrorFrom(failureFromConnect(error));
    }
  };
  const database = createDatabase({ pool });
  const publisher: CostServiceOptions["publisher"] = {
    publish: (change) => {
      if (change) published.push(change.orgId);
      return Promise.resolve();
    },
  };
  const timeZones = { of: () => Promise.resolve("UTC") };
  const routes = costRoutes({
    summaries: createClickHouseSummaryStore(clickhouse),
    ledger,
    prices: createPostgresPriceStore(database),
    simulations: createClickHouseSimulationStore(clickhouse),
    names: {
      cached: () => undefined,
      resolve: () => Promise.resolve({ of: (kind, id) => names[`${kind} ${id}`] }),
    },
    publisher,
    budgets: {
      budgets: createPostgresBudgetStore(database),
      usages: createUsageReader({
        spend: createClickHouseSpendStore(clickhouse),
        timeZones,
        now: () => NOON_MS,
      }),
      timeZones,
      checkScope: () => Promise.resolve(),
      publisher,
    },
    logs: createPostgresLogRegistry(database),
    now: () => Date.now(),
  });
  return {
    transport: createRouterTransport(routes, {
      router: { interceptors: [translated, asCaller(orgId)] },
    }),
    store: createLedger(ledger, () => undefined),
    published,
    async stop() {
      await client.close();
      await pool.end();
      await stores.stop();
    },
  };
}
