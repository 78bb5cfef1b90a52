import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import type { EngineHandle } from "@gatewayops/engines/engine";
import { startRedis } from "@gatewayops/engines/redis";
import { askGrant, readBudgetState } from "@gatewayops/platform/budgets/budget-state";
import { createClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import { createLogger } from "@gatewayops/platform/log";
import { createDatabase } from "@gatewayops/platform/postgres/database";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Redis } from "ioredis";
import { Pool } from "pg";
import type { OwnedBudget } from "../src/budgets/budget.ts";
import { createLedger } from "../src/ledger/ledger.ts";
import { createClickHouseLedgerStore } from "../src/ledger/ledger-store.clickhouse.ts";
import { createMemoryLogRegistry } from "../src/walls/log-registry.memory.ts";
import { createPostgresLogRegistry } from "../src/walls/log-registry.postgres.ts";
import type { LogRegistry } from "../src/walls/log-registry.ts";
import { createClickHouseSpendByLog } from "../src/walls/spend-by-log.clickhouse.ts";
import type { SpendByLog } from "../src/walls/spend-by-log.ts";
import { createWallKeeper, type WallKeeper } from "../src/walls/wall-keeper.ts";
import { startStores, type TestStores } from "./engines.ts";
import { describeLogRegistry } from "./log-registry.contract.ts";

const directory = mkdtempSync(join(tmpdir(), "gwo-walls-"));
const folder = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));
// Yesterday's noon, so that all of a day's calls lie in the past.
const DAY_MS = 86_400_000;
const START_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS;
const NOON_MS = START_MS + DAY_MS / 2;
const PERIOD = { startMs: START_MS, endMs: START_MS + DAY_MS };

let stores: TestStores;
let pool: Pool;
let client: ClickHouseClient;
let engine: EngineHandle;
let redis: Redis;
let spend: SpendByLog;
let ledger: (records: readonly CallCompletion[]) => Promise<void>;

beforeAll(async () => {
  stores = await startStores();
  pool = new Pool({ connectionString: stores.postgresUrl });
  pool.on("error", () => undefined);
  client = createClient({ url: stores.clickhouseUrl, log: { level: ClickHouseLogLevel.OFF } });
  const clickhouse = createClickHouse({ client, service: "test" });
  await migratePostgres({ pool, service: "svc-cost", directory: folder("migrations/postgres") });
  await migrateClickHouse({
    ...{ clickhouse, service: "svc-cost", directory: folder("migrations/clickhouse") },
  });
  spend = createClickHouseSpendByLog(clickhouse);
  ledger = createLedger(createClickHouseLedgerStore(clickhouse), () => undefined);
  engine = await startRedis({
    dataDir: join(directory, "redis"),
    logFile: join(directory, "redis.log"),
    enginesDir: folder("../.gatewayops/engines"),
    port: 0,
  });
  redis = new Redis(engine.url);
}, 120_000);

afterAll(async () => {
  redis.disconnect();
  await client.close();
  await pool.end();
  await Promise.all([stores.stop(), engine.stop()]);
  rmSync(directory, { recursive: true, force: true });
});

describeLogRegistry("Postgres", () => createPostgresLogRegistry(createDatabase({ pool })));

const hex = (id: Buffer): string => id.toString("hex");
const uuid = (id: Buffer): string =>
  hex(id).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

let org: Buffer;
let team: Buffer;

beforeEach(() => {
  org = randomBytes(16);
  team = randomBytes(16);
});

/** A call of this test's organisation, at a time after noon. */
function call(
  log: Buffer,
  usdMicros: bigint,
  { afterMs = 0, ofTeam = true }: { afterMs?: number; ofTeam?: boolean } = {},
): CallCompletion {
  return makeRecord(BigInt(NOON_MS + afterMs) * 1000n, {
    intent: { orgId: org, ...(ofTeam ? { teamId: team } : {}) },
    completion: { costUsdMicros: usdMicros, logId: log },
  });
}

describe("what was spent by log", () => {
  it("is told apart by scope, period and the time since when a worker counts", async () => {
    const [counted, other] = [randomBytes(16), randomBytes(16)];
    const records = [
      call(other, 100n),
      call(other, 20n, { ofTeam: false }),
      call(counted, 3n, { afterMs: 0 }),
      call(counted, 7n, { afterMs: 1_000 }),
      call(counted, 1_000n, { afterMs: DAY_MS }),
    ];
    await ledger(records);
    // Stored twice, it counts once.
    await ledger(records);
    const countedSince = new Map([[hex(counted), (NOON_MS + 500) * 1000]]);
    const query = { period: PERIOD, countedSince };
    expect(
      await spend.uncounted(uuid(org), {
        ...query,
        subject: { scopeType: "team", scopeId: uuid(team) },
      }),
    ).toEqual(
      new Map([
        [hex(other), 100n],
        [hex(counted), 3n],
      ]),
    );
    expect(
      await spend.uncounted(uuid(org), {
        ...query,
        subject: { scopeType: "org", scopeId: undefined },
      }),
    ).toEqual(
      new Map([
        [hex(other), 120n],
        [hex(counted), 3n],
      ]),
    );
    expect(
      await spend.ofLogs(uuid(org), {
        subject: { scopeType: "org", scopeId: undefined },
        period: PERIOD,
        logIds: [hex(counted), hex(randomBytes(16))],
      }),
    ).toEqual(new Map([[hex(counted), 10n]]));
  });

  it("is nothing for an organisation without calls", async () => {
    expect(
      await spend.uncounted(uuid(org), {
        ...{ period: PERIOD, countedSince: new Map<string, number>() },
        subject: { scopeType: "org", scopeId: undefined },
      }),
    ).toEqual(new Map());
  });
});

describe("the keeper of enforced budgets", () => {
  let logs: LogRegistry;
  let keeper: WallKeeper;
  let owned: OwnedBudget;
  let time: number;
  const now = (): number => time;
  const key = () => ({ orgId: owned.orgId, budgetId: owned.budget.id, startMs: START_MS });
  const ask = (log: Buffer, amounts: { keep: bigint; need: bigint }) =>
    askGrant(redis, key(), {
      ...{ logId: hex(log), sinceUs: (NOON_MS + 500) * 1000, want: amounts.need, keepMs: 60_000 },
      ...{ limit: owned.budget.amountUsdMicros, ...amounts },
    });
  const total = async (): Promise<bigint> => (await readBudgetState(redis, key())).total;

  beforeEach(() => {
    time = NOON_MS + 60_000;
    owned = {
      orgId: uuid(org),
      budget: {
        id: uuid(randomBytes(16)),
        ...{ name: "Team", amountUsdMicros: 1_000n, alertThresholds: [], enforceLimit: true },
        ...{ onUnavailable: "refuse", scopeType: "team", scopeId: uuid(team), period: "daily" },
        ...{ createTime: new Date(), updateTime: new Date() },
      },
    };
    logs = createMemoryLogRegistry();
    keeper = createWallKeeper({
      redis,
      budgets: { enforced: (after) => Promise.resolve(after ? [] : [owned]) },
      timeZoneOf: () => Promise.resolve("UTC"),
      logs,
      ledger: spend,
      log: createLogger({ service: "test", level: "silent", format: "json", maskSensitive: true }),
      now,
    });
  });

  it("builds a budget from the ledger once every open log has reported, and asks those that have not", async () => {
    const [dead, living] = [randomBytes(16), randomBytes(16)];
    await ledger([call(dead, 100n), call(living, 3n), call(living, 40n, { afterMs: 1_000 })]);
    await logs.open("d", hex(living), new Date(now()));
    const subscriber = redis.duplicate();
    const asked = new Promise<string>((resolve) => {
      subscriber.on("message", (_channel, message) => {
        resolve(message);
      });
    });
    await subscriber.subscribe("gwo:{control}:changes");
    expect(await keeper.sweep()).toBe(1);
    expect(await asked).toContain('"kind":"budget_report"');
    subscriber.disconnect();
    // It spent 40 since it counts, of which the ledger knows, and reserves 10 now: 3 are of before that.
    expect((await ask(living, { keep: 50n, need: 0n })).isBuilt).toBe(false);
    expect(await keeper.sweep()).toBe(0);
    expect(await total()).toBe(100n + 3n + 50n);
  });

  it("refuses what does not fit beside all that was spent", async () => {
    await ledger([call(randomBytes(16), 950n)]);
    expect(await keeper.sweep()).toBe(0);
    const worker = randomBytes(16);
    expect(await ask(worker, { keep: 0n, need: 51n })).toMatchObject({ granted: 0n, left: 50n });
    expect(await ask(worker, { keep: 0n, need: 50n })).toMatchObject({ granted: 50n, left: 0n });
  });

  it("puts what a dead worker spent in the place of its grant when its log is in the ledger", async () => {
    const worker = randomBytes(16);
    await logs.open("d", hex(worker), new Date(now() - 20_000));
    await ask(worker, { keep: 0n, need: 0n });
    await keeper.sweep();
    await ask(worker, { keep: 0n, need: 100n });
    expect(await total()).toBe(100n);
    await ledger([call(worker, 42n, { afterMs: 1_000 })]);
    await keeper.sweep();
    expect(await total()).toBe(100n);
    await logs.report("d", [], new Date(now()));
    await keeper.sweep();
    expect(await total()).toBe(42n);
    await keeper.sweep();
    expect(await total()).toBe(42n);
  });

  it("leaves what a worker spent that began meanwhile to that worker's own count", async () => {
    const [dead, fresh] = [randomBytes(16), randomBytes(16)];
    await ledger([call(dead, 100n)]);
    await keeper.sweep();
    // It has spent before it is known to the state, and its calls reached the ledger first.
    await logs.open("d", hex(fresh), new Date(now()));
    await ledger([call(fresh, 30n, { afterMs: 1_000 }), call(dead, 5n, { afterMs: 1_000 })]);
    time += 3_000;
    await keeper.sweep();
    expect(await total()).toBe(105n);
    await ask(fresh, { keep: 30n, need: 0n });
    expect(await total()).toBe(135n);
    time += 3_000;
    await keeper.sweep();
    expect(await total()).toBe(135n);
  });

  it("builds it again when Redis has lost it", async () => {
    await ledger([call(randomBytes(16), 200n)]);
    await keeper.sweep();
    await redis.flushall();
    expect((await readBudgetState(redis, key())).isBuilt).toBe(false);
    await keeper.sweep();
    expect(await total()).toBe(200n);
  });
});
