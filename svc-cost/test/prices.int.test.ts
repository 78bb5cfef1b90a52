import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import {
  createPostgresChangeStore,
  insertChange,
} from "@gatewayops/platform/changes/change-store.postgres";
import { createDatabase, type Database } from "@gatewayops/platform/postgres/database";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { Pool } from "pg";
import { describeChangeStore } from "../../platform/test/change-store.contract.ts";
import { PRICE_CHANGES } from "../src/prices/price-change.ts";
import { RULES_MAX } from "../src/prices/price-store.ts";
import { createPostgresPriceStore } from "../src/prices/price-store.postgres.ts";
import { startStores, type TestStores } from "./engines.ts";
import { describePriceStore, newRule } from "./price-store.contract.ts";

const directory = fileURLToPath(new URL("../migrations/postgres", import.meta.url));

let stores: TestStores;
let pool: Pool;
let database: Database;

beforeAll(async () => {
  stores = await startStores();
  pool = new Pool({ connectionString: stores.postgresUrl });
  pool.on("error", () => undefined);
  // Replicas that start at the same time.
  await Promise.all([1, 2, 3].map(() => migratePostgres({ pool, service: "svc-cost", directory })));
  database = createDatabase({ pool });
}, 120_000);

afterAll(async () => {
  await pool.end();
  await stores.stop();
});

const newId = (): string => uuidToText(uuidV7(Date.now()));
describe("migratePostgres", () => {
  it("does nothing when the schema is up to date", async () => {
    expect(await migratePostgres({ pool, service: "svc-cost", directory })).toEqual({
      version: readdirSync(directory).length,
      applied: [],
    });
  });

  it("refuses a migration that was changed, and a newer schema", async () => {
    const service = `test-${newId()}`;
    await pool.query(
      "INSERT INTO schema_migrations (service, number, name, checksum) VALUES ($1, 1, 'other', 'other')",
      [service],
    );
    await expect(migratePostgres({ pool, service, directory })).rejects.toThrow(
      "was changed after it ran",
    );
    await pool.query("UPDATE schema_migrations SET number = 9999 WHERE service = $1", [service]);
    await expect(migratePostgres({ pool, service, directory })).rejects.toThrow(
      "newer than this program",
    );
    await pool.query("DELETE FROM schema_migrations WHERE service = $1", [service]);
  });
});

describe("rules of before prices had parts", () => {
  it("mean what they meant", async () => {
    const [schema, org, id, ended] = [
      `old_${newId().replaceAll("-", "")}`,
      newId(),
      newId(),
      newId(),
    ];
    await pool.query(`CREATE SCHEMA ${schema}`);
    const old = new Pool({
      connectionString: stores.postgresUrl,
      options: `-c search_path=${schema}`,
    });
    old.on("error", () => undefined);
    const before = mkdtempSync(join(tmpdir(), "gwo-migrations-"));
    try {
      for (const file of readdirSync(directory).filter((name) => name < "0003"))
        copyFileSync(join(directory, file), join(before, file));
      await migratePostgres({ pool: old, service: "svc-cost", directory: before });
      const insert = `INSERT INTO price_rules (org_id, id, server, tool, per_call_usd_micros, create_time, end_time)
         VALUES ($1, $2, 'files', '*', $3, $4, $5)`;
      const [made, changed] = ["2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"];
      await old.query(insert, [org, ended, 7, made, changed]);
      await old.query(insert, [org, id, 9, changed, null]);
      await migratePostgres({ pool: old, service: "svc-cost", directory });
      const prices = createPostgresPriceStore(createDatabase({ pool: old }));
      const page = { after: undefined, limit: 10, includeEnded: true };
      const rules = await prices.list(org, page);
      const is = (perCallUsdMicros: bigint, from: string, until: string | undefined) => {
        const rule = newRule("files", "*", { perCallUsdMicros });
        const [createTime, endTime] = [new Date(from), until && new Date(until)];
        return { ...rule, createTime, effectiveTime: createTime, endTime };
      };
      expect(new Set(rules)).toEqual(
        new Set([
          { ...is(7n, made, changed), id: ended },
          { ...is(9n, changed, undefined), id },
        ]),
      );
    } finally {
      await old.end();
      await pool.query(`DROP SCHEMA ${schema} CASCADE`);
      rmSync(before, { recursive: true });
    }
  });
});

describePriceStore("Postgres", () => ({
  prices: createPostgresPriceStore(database),
  changes: createPostgresChangeStore(database, PRICE_CHANGES),
}));

describeChangeStore(
  "Postgres",
  () => ({
    store: createPostgresChangeStore(database, PRICE_CHANGES),
    add: (change) => insertChange(database, PRICE_CHANGES, change),
  }),
  [{}, {}],
);

describe("the price store in Postgres", () => {
  it("takes no more rules than gateways have room for", async () => {
    const org = newId();
    const prices = createPostgresPriceStore(database);
    await pool.query(
      `INSERT INTO price_rules (org_id, id, server, tool, per_call_usd_micros)
       SELECT $1, gen_random_uuid(), 'files', 'tool' || n, 1 FROM generate_series(1, $2::integer) AS n`,
      [org, RULES_MAX],
    );
    const stamp = () => ({ changeId: newId(), time: new Date() });
    const another = () => prices.replace(org, newRule("files", "*"), stamp());
    await expect(another()).rejects.toMatchObject({ reason: "PRICE_RULES_TOO_MANY" });
    expect((await prices.book(org)).rules).toHaveLength(RULES_MAX);
    const [first] = await prices.list(org, { after: undefined, limit: 1, includeEnded: false });
    await prices.end(org, first?.id ?? "", stamp());
    await expect(another()).resolves.toBeDefined();
  });

  it("keeps the row of a rule that was replaced, with its end", async () => {
    const org = newId();
    const prices = createPostgresPriceStore(database);
    const rule = (perCallUsdMicros: bigint) => newRule("everything", "echo", { perCallUsdMicros });
    const stamp = () => ({ changeId: newId(), time: new Date() });
    const { rule: old } = await prices.replace(org, rule(1n), stamp());
    await prices.replace(org, rule(2n), stamp());
    const { rows } = await pool.query<{ per_call_usd_micros: string; end_time: Date | null }>(
      "SELECT per_call_usd_micros, end_time FROM price_rules WHERE org_id = $1 AND id = $2",
      [org, old.id],
    );
    expect(rows[0]?.per_call_usd_micros).toBe("1");
    expect(rows[0]?.end_time).toBeInstanceOf(Date);
  });
});
