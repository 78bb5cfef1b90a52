import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "@jest/globals";
import { createPostgresChangeStore } from "@gatewayops/platform/changes/change-store.postgres";
import { createDatabase, type Database } from "@gatewayops/platform/postgres/database";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { Pool } from "pg";
import { BUDGET_CHANGES } from "../src/budgets/budget-change.ts";
import { createPostgresBudgetStore } from "../src/budgets/budget-store.postgres.ts";
import { describeBudgetStore } from "./budget-store.contract.ts";
import { startStores, type TestStores } from "./engines.ts";

const directory = fileURLToPath(new URL("../migrations/postgres", import.meta.url));

let stores: TestStores;
let pool: Pool;
let database: Database;

beforeAll(async () => {
  stores = await startStores();
  pool = new Pool({ connectionString: stores.postgresUrl });
  pool.on("error", () => undefined);
  await migratePostgres({ pool, service: "svc-cost", directory });
  database = createDatabase({ pool });
}, 120_000);

afterAll(async () => {
  await pool.end();
  await stores.stop();
});

describeBudgetStore("Postgres", (budgetsMax) => ({
  budgets: createPostgresBudgetStore(database, budgetsMax),
  changes: createPostgresChangeStore(database, BUDGET_CHANGES),
}));
