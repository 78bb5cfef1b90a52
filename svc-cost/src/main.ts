import { fileURLToPath } from "node:url";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import {
  createChangePublisher,
  type ChangePublisher,
} from "@gatewayops/platform/changes/change-publisher";
import {
  createPostgresChangeStore,
  type ChangeTable,
} from "@gatewayops/platform/changes/change-store.postgres";
import { createClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import { publishInvalidation } from "@gatewayops/platform/invalidation";
import { createNameResolver } from "@gatewayops/platform/names";
import { createDatabase } from "@gatewayops/platform/postgres/database";
import { runExclusively } from "@gatewayops/platform/postgres/exclusive";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { silentStores, untilReachable } from "@gatewayops/platform/postgres/until-reachable";
import { createQueryMetrics } from "@gatewayops/platform/query-metrics";
import { repeat } from "@gatewayops/platform/repeat";
import { createInternalClient, createRemoteAuthenticator } from "@gatewayops/platform/rpc/client";
import { startRpcServer } from "@gatewayops/platform/rpc/server";
import { runService, type ServiceRun } from "@gatewayops/platform/service-process";
import { publishAdminEvent } from "@gatewayops/platform/streams/admin-events";
import { startStreamConsumer } from "@gatewayops/platform/streams/consumer";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { collectDefaultMetrics, Registry } from "prom-client";
import { BUDGET_CHANGES } from "./budgets/budget-change.ts";
import { createBudgetKeeper } from "./budgets/budget-keeper.ts";
import { createScopeCheck } from "./budgets/budget-scope.ts";
import { createPostgresBudgetStore } from "./budgets/budget-store.postgres.ts";
import { createPostgresCrossingStore } from "./budgets/crossing-store.postgres.ts";
import { createClickHouseSpendStore } from "./budgets/spend-store.clickhouse.ts";
import { createTimeZones } from "./budgets/time-zones.ts";
import { createUsageReader } from "./budgets/usage-reader.ts";
import { schema } from "./config.ts";
import { createLedger } from "./ledger/ledger.ts";
import { createClickHouseLedgerStore } from "./ledger/ledger-store.clickhouse.ts";
import { countingCostEvents, createBudgetMetrics } from "./metrics.ts";
import { PRICE_CHANGES } from "./prices/price-change.ts";
import { createPostgresPriceStore } from "./prices/price-store.postgres.ts";
import { createClickHouseSimulationStore } from "./prices/simulation-store.clickhouse.ts";
import { costRoutes, SERVICES } from "./service.ts";
import { startWalls } from "./walls/start-walls.ts";
import { createClickHouseSummaryStore } from "./summary/summary-store.clickhouse.ts";

const SERVICE = "svc-cost";
const POSTGRES_CONNECTIONS = 10;
const SWEEP_MS = 1_000;
const BUDGETS_EVERY_MS = 5_000;

await runService(
  { service: SERVICE, settings: schema, env: process.env, exit: (code) => process.exit(code) },
  start,
);

async function start({ config, log, lifecycle }: ServiceRun<typeof schema>): Promise<void> {
  const onlyMigrate = process.argv.includes("--migrate");
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const queries = createQueryMetrics(registry);
  const pool = new Pool({ connectionString: config.postgresUrl, max: POSTGRES_CONNECTIONS });
  pool.on("error", (error) => {
    log.warn({ err: error }, "an idle PostgreSQL connection broke");
  });
  lifecycle.onClose("postgres", () => pool.end());
  const database = createDatabase({ pool, observe: queries("postgres") });
  const clickhouseClient = createClient({
    url: config.clickhouseUrl,
    // It would write errors, with statements, to the console; they are logged where they are caught.
    log: { level: ClickHouseLogLevel.OFF },
  });
  lifecycle.onClose("clickhouse", () => clickhouseClient.close());
  const clickhouse = createClickHouse({
    client: clickhouseClient,
    service: SERVICE,
    observe: queries("clickhouse"),
  });

  const postgresStore = {
    name: "PostgreSQL",
    setting: "GWO_POSTGRES_URL",
    probe: () => database.query("probe", "SELECT 1", []),
  };
  const clickhouseStore = {
    name: "ClickHouse",
    setting: "GWO_CLICKHOUSE_URL",
    probe: () => clickhouse.select("probe", "SELECT 1"),
  };
  await untilReachable([postgresStore, clickhouseStore], { log, signal: lifecycle.signal });
  if (config.migrate || onlyMigrate) await migrate();
  if (onlyMigrate) {
    await lifecycle.close();
    return;
  }

  const redis = connectRedis("redis");
  const redisStore = { name: "Redis", setting: "GWO_REDIS_URL", probe: () => redis.ping() };
  await untilReachable([redisStore], { log, signal: lifecycle.signal });

  const { internalSecret } = config;
  const auth = createInternalClient(InternalAuthService, {
    baseUrl: config.authUrl,
    internalSecret,
  });
  const names = createNameResolver({
    lookUp: (request) => auth.resolveNames(request),
    log,
    now: () => performance.now(),
  });
  const ledgerStore = createClickHouseLedgerStore(clickhouse);
  const store = countingCostEvents(
    registry,
    createLedger(ledgerStore, (orgId, ref) => names.cached(orgId, ref)),
  );
  const publisher = startPublisher("price changes", PRICE_CHANGES);
  const budgets = createPostgresBudgetStore(database);
  const spend = createClickHouseSpendStore(clickhouse);
  const timeZones = createTimeZones({
    lookUp: (request) => auth.resolveOrganization(request),
    now: () => performance.now(),
  });
  const keeper = createBudgetKeeper({
    budgets,
    spend,
    timeZones,
    crossings: createPostgresCrossingStore(database),
    tell: (event) => publishAdminEvent({ xadd: (...args) => redis.xadd(...args) }, event),
    observe: createBudgetMetrics(registry),
    now: () => Date.now(),
    elapsed: () => performance.now(),
    log,
  });
  repeat({
    name: "budgets",
    everyMs: BUDGETS_EVERY_MS,
    work: () => runExclusively(database, "budget keeper", () => keeper.round()),
    lifecycle,
    log,
  });

  const logs = startWalls({
    ...{ redis, database, clickhouse, budgets, spend, timeZones, registry, lifecycle, log },
  });

  const server = await startRpcServer({
    services: SERVICES,
    routes: costRoutes({
      summaries: createClickHouseSummaryStore(clickhouse),
      ledger: ledgerStore,
      prices: createPostgresPriceStore(database),
      simulations: createClickHouseSimulationStore(clickhouse),
      names,
      publisher,
      budgets: {
        budgets,
        usages: createUsageReader({ spend, timeZones, now: () => Date.now() }),
        timeZones,
        checkScope: createScopeCheck((request) => auth.resolveNames(request)),
        publisher: startPublisher("budget changes", BUDGET_CHANGES),
      },
      logs,
      now: () => Date.now(),
    }),
    authenticate: createRemoteAuthenticator({
      baseUrl: config.authUrl,
      internalSecret,
      now: () => performance.now(),
    }),
    internalSecret,
    host: config.bindHost,
    httpPort: config.httpPort,
    grpcPort: config.grpcPort,
    notReady: () => silentStores([postgresStore, clickhouseStore, redisStore]),
    log,
    registry,
  });

  for (let shard = 0; shard < config.eventShards; shard += 1) {
    const consumer = startStreamConsumer({
      redis,
      blockingRedis: connectRedis(`redis reads of shard ${shard}`),
      consumer: "cost",
      shard,
      store,
      log,
      registry,
      signal: lifecycle.signal,
      batchMaxRecords: config.batchMaxRecords,
      batchMaxMs: config.batchMaxMs,
      leaseMs: config.leaseMs,
    });
    lifecycle.onClose(`consumer of shard ${shard}`, () => consumer.done);
  }
  lifecycle.onClose("server", () => server.close());
  log.info({ httpPort: server.httpPort, grpcPort: server.grpcPort }, "ready");

  function startPublisher(name: string, table: ChangeTable): ChangePublisher {
    const publisher = createChangePublisher({
      store: createPostgresChangeStore(database, table),
      tell: ({ invalidation }) => publishInvalidation(redis, invalidation),
      now: () => Date.now(),
      log,
    });
    repeat({ name, everyMs: SWEEP_MS, work: () => publisher.sweep(), lifecycle, log });
    return publisher;
  }

  async function migrate(): Promise<void> {
    const directory = (store: string): string =>
      fileURLToPath(new URL(`../migrations/${store}`, import.meta.url));
    const postgres = await migratePostgres({
      pool,
      service: SERVICE,
      directory: directory("postgres"),
    });
    const tables = await migrateClickHouse({
      clickhouse,
      service: SERVICE,
      directory: directory("clickhouse"),
    });
    log.info({ postgres, clickhouse: tables }, "the schemas are up to date");
  }

  function connectRedis(name: string): Redis {
    // Commands fail soon rather than wait: whoever sent them starts again from what Redis holds.
    const client = new Redis(config.redisUrl, { maxRetriesPerRequest: 2 });
    client.on("error", (error: Error) => {
      log.debug({ err: error }, `${name}: connection error`);
    });
    lifecycle.onClose(name, () => {
      client.disconnect();
    });
    return client;
  }
}
