import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { randomBytesPooled, uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { createDatabase } from "@gatewayops/platform/postgres/database";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { Pool } from "pg";
import type { PriceStore } from "../src/prices/price-store.ts";
import { createPostgresPriceStore } from "../src/prices/price-store.postgres.ts";
import { startStores, type TestStores } from "./engines.ts";

const directory = fileURLToPath(new URL("../migrations/postgres", import.meta.url));

let stores: TestStores;
let pool: Pool;
let prices: PriceStore;

beforeAll(async () => {
  stores = await startStores();
  pool = new Pool({ connectionString: stores.postgresUrl });
  pool.on("error", () => undefined);
  // Replicas that start at the same time.
  await Promise.all([1, 2, 3].map(() => migratePostgres({ pool, service: "svc-cost", directory })));
  prices = createPostgresPriceStore(createDatabase({ pool }));
}, 120_000);

afterAll(async () => {
  await pool.end();
  await stores.stop();
});

const newOrg = (): string => uuidToText(randomBytesPooled(16));
const newId = (): string => uuidToText(uuidV7(Date.now()));
const rule = (server: string, tool: string, perCallUsdMicros = 10n) => ({
  id: newId(),
  server,
  tool,
  perCallUsdMicros,
});

describe("migratePostgres", () => {
  it("does nothing when the schema is up to date", async () => {
    expect(await migratePostgres({ pool, service: "svc-cost", directory })).toEqual({
      version: 1,
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
    await pool.query("UPDATE schema_migrations SET number = 2 WHERE service = $1", [service]);
    await expect(migratePostgres({ pool, service, directory })).rejects.toThrow(
      "newer than this program",
    );
    await pool.query("DELETE FROM schema_migrations WHERE service = $1", [service]);
  });
});

describe("the price store", () => {
  it("replaces the rule of the same server and tool, and keeps the old row", async () => {
    const org = newOrg();
    const old = await prices.replace(org, rule("everything", "echo", 1n));
    const now = await prices.replace(org, rule("everything", "echo", 1_000_000_000n));
    expect((await prices.list(org, { after: undefined, limit: 10 })).map(({ id }) => id)).toEqual([
      now.id,
    ]);
    expect(now.perCallUsdMicros).toBe(1_000_000_000n);
    const { rows } = await pool.query<{ per_call_usd_micros: string; end_time: Date | null }>(
      "SELECT per_call_usd_micros, end_time FROM price_rules WHERE org_id = $1 AND id = $2",
      [org, old.id],
    );
    expect(rows[0]?.per_call_usd_micros).toBe("1");
    expect(rows[0]?.end_time).toBeInstanceOf(Date);
  });

  it("leaves one rule in force when many replace it at once", async () => {
    const org = newOrg();
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => prices.replace(org, rule("*", "*", BigInt(i)))),
    );
    expect(await prices.list(org, { after: undefined, limit: 10 })).toHaveLength(1);
  });

  it("pages by server and tool, in the order of their bytes", async () => {
    const org = newOrg();
    const keys = [
      ["*", "*"],
      ["*", "Zeta"],
      ["*", "alpha"],
      ["files", "*"],
    ] as const;
    for (const [server, tool] of [...keys].reverse()) await prices.replace(org, rule(server, tool));
    const first = await prices.list(org, { after: undefined, limit: 3 });
    const rest = await prices.list(org, { after: first.at(-1), limit: 3 });
    expect([...first, ...rest].map(({ server, tool }) => [server, tool])).toEqual(keys);
  });

  it("ends a rule as often as asked, but never another organisation's", async () => {
    const org = newOrg();
    const { id } = await prices.replace(org, rule("*", "*"));
    expect(await prices.end(newOrg(), id)).toBe(false);
    expect(await prices.end(org, id)).toBe(true);
    expect(await prices.end(org, id)).toBe(true);
    expect(await prices.list(org, { after: undefined, limit: 10 })).toEqual([]);
  });
});
