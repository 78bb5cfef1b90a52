import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import { createPostgresChangeStore } from "@gatewayops/platform/changes/change-store.postgres";
import { createClickHouse, type ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import { uuidFromText, uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { createLogger } from "@gatewayops/platform/log";
import { createDatabase, type Database } from "@gatewayops/platform/postgres/database";
import { runExclusively } from "@gatewayops/platform/postgres/exclusive";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import type { BudgetThresholdReached } from "@gatewayops/platform/streams/admin-events";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import { Pool } from "pg";
import { BUDGET_CHANGES } from "../src/budgets/budget-change.ts";
import { createBudgetKeeper } from "../src/budgets/budget-keeper.ts";
import { createPostgresBudgetStore } from "../src/budgets/budget-store.postgres.ts";
import { createPostgresCrossingStore } from "../src/budgets/crossing-store.postgres.ts";
import { createClickHouseSpendStore } from "../src/budgets/spend-store.clickhouse.ts";
import type { Spend } from "../src/budgets/spend-store.memory.ts";
import { createLedger } from "../src/ledger/ledger.ts";
import { createClickHouseLedgerStore } from "../src/ledger/ledger-store.clickhouse.ts";
import { describeBudgetStore } from "./budget-store.contract.ts";
import { describeCrossingStore } from "./crossing-store.contract.ts";
import { startStores, type TestStores } from "./engines.ts";
import { describeSpendStore } from "./spend-store.contract.ts";

const directory = (store: string): string =>
  fileURLToPath(new URL(`../migrations/${store}`, import.meta.url));
const log = createLogger({ service: "t", level: "silent", format: "json", maskSensitive: false });

let stores: TestStores;
let pool: Pool;
let database: Database;
let client: ClickHouseClient;
let clickhouse: ClickHouse;

beforeAll(async () => {
  stores = await startStores();
  pool = new Pool({ connectionString: stores.postgresUrl });
  pool.on("error", () => undefined);
  await migratePostgres({ pool, service: "svc-cost", directory: directory("postgres") });
  database = createDatabase({ pool });
  client = createClient({ url: stores.clickhouseUrl, log: { level: ClickHouseLogLevel.OFF } });
  clickhouse = createClickHouse({ client, service: "test" });
  await migrateClickHouse({ clickhouse, service: "svc-cost", directory: directory("clickhouse") });
}, 120_000);

afterAll(async () => {
  await client.close();
  await pool.end();
  await stores.stop();
});

/** Puts calls into the ledger that cost this. */
async function addCalls(spends: readonly Spend[]): Promise<void> {
  const bytes = (id: string | undefined): Buffer => (id && uuidFromText(id)) || Buffer.alloc(0);
  const store = createLedger(createClickHouseLedgerStore(clickhouse), () => undefined);
  await store(
    spends.map(({ orgId, timeMs, costUsdMicros, budgetId, ...spend }) =>
      makeRecord(BigInt(timeMs) * 1_000n, {
        intent: {
          orgId: bytes(orgId),
          teamId: bytes(spend.teamId),
          userId: bytes(spend.userId),
          keyId: bytes(spend.keyId),
          serverId: bytes(spend.serverId),
        },
        completion: { costUsdMicros, budgetId: bytes(budgetId) },
      }),
    ),
  );
}

describeBudgetStore("Postgres", (budgetsMax) => ({
  budgets: createPostgresBudgetStore(database, budgetsMax),
  changes: createPostgresChangeStore(database, BUDGET_CHANGES),
}));

describeCrossingStore("Postgres", () => createPostgresCrossingStore(database));

describeSpendStore("ClickHouse", () => ({
  spend: createClickHouseSpendStore(clickhouse),
  add: addCalls,
}));

describe("budget keepers of several processes", () => {
  it("tell each threshold once, one of them at a time", async () => {
    const orgId = uuidToText(uuidV7(Date.now()));
    const id = uuidToText(uuidV7(Date.now()));
    await createPostgresBudgetStore(database).create(
      orgId,
      {
        id,
        name: "Tools",
        scopeType: "org",
        scopeId: undefined,
        period: "monthly",
        amountUsdMicros: 1_000_000n,
        alertThresholds: [50, 80, 100],
        enforceLimit: false,
        onUnavailable: "refuse",
      },
      { changeId: id, time: new Date() },
    );
    const told: BudgetThresholdReached[] = [];
    let atOnce = 0;
    const rounds = [1, 2, 3].map(() => {
      const keeper = createBudgetKeeper({
        budgets: createPostgresBudgetStore(database),
        spend: createClickHouseSpendStore(clickhouse),
        timeZones: { of: () => Promise.resolve("UTC") },
        crossings: createPostgresCrossingStore(database),
        tell: (event) => Promise.resolve(void told.push(event)),
        observe: { evaluated: () => undefined, reached: () => undefined },
        now: () => Date.now(),
        elapsed: () => performance.now(),
        log,
      });
      return () =>
        runExclusively(database, `keeper ${orgId}`, async () => {
          atOnce += 1;
          expect(atOnce).toBe(1);
          await keeper.round();
          atOnce -= 1;
        });
    });
    const cost = (costUsdMicros: bigint): Spend => ({ orgId, timeMs: Date.now(), costUsdMicros });
    for (const costUsdMicros of [799_999n, 1n]) {
      await addCalls([cost(costUsdMicros)]);
      const ran = await Promise.all(rounds.map((round) => round()));
      expect(ran).toContain(true);
    }
    const ours = told.filter((event) => event.orgId === orgId);
    expect(ours.map(({ threshold, spentUsdMicros }) => [threshold, spentUsdMicros])).toEqual([
      [50, "799999"],
      [80, "800000"],
    ]);
  });
});
