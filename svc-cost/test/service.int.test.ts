import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { ClickHouseLogLevel, createClient as createClickHouseClient } from "@clickhouse/client";
import { createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { createClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import {
  hexOf,
  randomBytesPooled,
  requestIdOf,
  toolIdOf,
  toolIdToText,
  uuidToText,
} from "@gatewayops/platform/ids";
import type { NameResolver } from "@gatewayops/platform/names";
import { createDatabase } from "@gatewayops/platform/postgres/database";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { connectErrorFrom, failureFromConnect } from "@gatewayops/platform/rpc/errors";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import {
  BudgetPeriod,
  BudgetScope,
  BudgetService,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { CostService, GroupBy } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import {
  InternalCostService,
  PriceService,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import {
  Outcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Pool } from "pg";
import { createPostgresBudgetStore } from "../src/budgets/budget-store.postgres.ts";
import { createClickHouseSpendStore } from "../src/budgets/spend-store.clickhouse.ts";
import { createUsageReader } from "../src/budgets/usage-reader.ts";
import { createLedger } from "../src/ledger/ledger.ts";
import { createClickHouseLedgerStore } from "../src/ledger/ledger-store.clickhouse.ts";
import { createPostgresPriceStore } from "../src/prices/price-store.postgres.ts";
import { costRoutes, type CostServiceOptions } from "../src/service.ts";
import { createClickHouseSummaryStore } from "../src/summary/summary-store.clickhouse.ts";
import { asCaller } from "./as-caller.ts";
import { startStores } from "./engines.ts";

const NOON_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const NOON_US = BigInt(NOON_MS) * 1000n;
const DAY = new Date(NOON_MS).toISOString().slice(0, 10);
const SERVER = randomBytesPooled(16);
const TEAM = randomBytesPooled(16);

let org: Buffer;
const published: string[] = [];
const closings: (() => Promise<unknown>)[] = [];
let transport: ReturnType<typeof createRouterTransport>;
let store: (records: readonly CallCompletion[]) => Promise<void>;

/** Knows a server, its tool "echo" and a team. */
const names: NameResolver = {
  cached: () => undefined,
  resolve: () =>
    Promise.resolve({
      of: (kind, id) =>
        new Map([
          [`server ${uuidToText(SERVER)}`, "everything"],
          [`tool ${toolIdToText(toolIdOf(SERVER, "echo"))}`, "echo"],
          [`team ${uuidToText(TEAM)}`, "Platform"],
        ]).get(`${kind} ${id}`),
    }),
};

beforeAll(async () => {
  const stores = await startStores();
  const client = createClickHouseClient({
    url: stores.clickhouseUrl,
    log: { level: ClickHouseLogLevel.OFF },
  });
  const pool = new Pool({ connectionString: stores.postgresUrl });
  pool.on("error", () => undefined);
  closings.push(
    () => client.close(),
    () => pool.end(),
    () => stores.stop(),
  );
  const clickhouse = createClickHouse({ client, service: "test" });
  const directory = (name: string): string =>
    fileURLToPath(new URL(`../migrations/${name}`, import.meta.url));
  await migrateClickHouse({ clickhouse, service: "svc-cost", directory: directory("clickhouse") });
  await migratePostgres({ pool, service: "svc-cost", directory: directory("postgres") });
  const ledger = createClickHouseLedgerStore(clickhouse);
  store = createLedger(ledger, () => undefined);
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
    names,
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
    now: () => Date.now(),
  });
  transport = createRouterTransport(routes, {
    router: { interceptors: [translated, asCaller(() => uuidToText(org))] },
  });
}, 120_000);

afterAll(async () => {
  for (const close of closings) await close();
});

beforeEach(() => {
  org = randomBytesPooled(16);
});

describe("CostService", () => {
  it("sums a day and names the groups", async () => {
    const echo = toolIdOf(SERVER, "echo");
    const call = (toolId: bigint, costUsdMicros: bigint, outcome = Outcome.OK): CallCompletion =>
      makeRecord(NOON_US, {
        intent: { orgId: org, serverId: SERVER, teamId: TEAM, toolId },
        completion: { costUsdMicros, outcome },
      });
    await store([
      call(echo, 30n),
      call(255n, 20n),
      call(0n, 10n, Outcome.TOOL_ERROR),
      makeRecord(NOON_US, { intent: { orgId: org } }),
    ]);
    const client = createClient(CostService, transport);
    const days = { startDate: DAY, endDate: DAY };
    const byTool = await client.getCostSummary({ ...days, groupBy: GroupBy.TOOL });
    expect(byTool.summary).toMatchObject({
      totalCostUsdMicros: 60n,
      totalCalls: 4n,
      totalErrors: 1n,
    });
    expect(byTool.breakdown.map(({ group, costUsdMicros }) => [group, costUsdMicros])).toEqual([
      ["everything/echo", 30n],
      ["everything/tool:00000000000000ff", 20n],
      ["(none)", 10n],
    ]);
    const byTeam = await client.getCostsByTeam(days);
    expect(byTeam.breakdown.map(({ group, groupId, calls }) => [group, groupId, calls])).toEqual([
      ["Platform", uuidToText(TEAM), 3n],
      ["(none)", "", 1n],
    ]);
    const byDay = await client.getCostSummary(days);
    expect(byDay.breakdown.map(({ group }) => group)).toEqual([DAY]);
  });

  it("gives all steps of a series", async () => {
    await store([
      makeRecord(NOON_US + 61_000_000n, {
        intent: { orgId: org },
        completion: { durationUs: 250n },
      }),
    ]);
    const { points, stepSeconds, p95Ms } = await createClient(
      CostService,
      transport,
    ).getUsageSeries({
      startTime: timestampFromMs(NOON_MS),
      endTime: timestampFromMs(NOON_MS + 180_000),
      stepSeconds: 60,
    });
    expect(stepSeconds).toBe(60);
    expect(points.map(({ calls }) => calls)).toEqual([0n, 1n, 0n]);
    expect(points[1]?.time && timestampMs(points[1].time)).toBe(NOON_MS + 60_000);
    expect(p95Ms).toBeCloseTo(0.2375, 9);
  });

  it("gives a trace's cost by either form of its id", async () => {
    const record = makeRecord(NOON_US, {
      intent: { orgId: org, serverId: SERVER, toolId: toolIdOf(SERVER, "echo") },
      completion: { costUsdMicros: 5n },
    });
    await store([record]);
    const traceId = record.intent?.traceId ?? new Uint8Array();
    const client = createClient(CostService, transport);
    for (const id of [hexOf(traceId), uuidToText(traceId)]) {
      const answer = await client.getTraceCost({ traceId: id });
      expect(answer).toMatchObject({ traceId: hexOf(traceId), totalCostUsdMicros: 5n });
      expect(answer.calls[0]).toMatchObject({
        requestId: requestIdOf(record.intent?.callId ?? new Uint8Array()),
        mcpServer: "everything",
        toolName: "echo",
      });
    }
    await expect(client.getTraceCost({ traceId: "0".repeat(32) })).rejects.toThrow(
      "No call of this trace",
    );
  });
});

describe("PriceService", () => {
  it("makes, lists, serves and ends rules, and tells the gateways", async () => {
    const client = createClient(PriceService, transport);
    published.length = 0;
    await client.createPriceRule({ server: "everything", tool: "echo", perCallUsdMicros: 5n });
    const { priceRule } = await client.createPriceRule({
      server: "everything",
      tool: "echo",
      perCallUsdMicros: 7n,
    });
    await client.createPriceRule({ server: "*", tool: "*", perCallUsdMicros: 1n });
    const first = await client.listPriceRules({ limit: 1 });
    const second = await client.listPriceRules({ limit: 1, cursor: first.cursor });
    expect([first.hasMore, second.hasMore]).toEqual([true, false]);
    expect(
      [...first.items, ...second.items].map(({ server, perCallUsdMicros }) => [
        server,
        perCallUsdMicros,
      ]),
    ).toEqual([
      ["*", 1n],
      ["everything", 7n],
    ]);
    const book = await createClient(InternalCostService, transport).getPriceBook({
      orgId: uuidToText(org),
    });
    expect(book.rules).toHaveLength(2);
    const id = priceRule?.id ?? "";
    await client.deletePriceRule({ id });
    await client.deletePriceRule({ id });
    expect((await client.listPriceRules({})).items).toHaveLength(1);
    await expect(client.deletePriceRule({ id: uuidToText(randomBytesPooled(16)) })).rejects.toThrow(
      "no price rule",
    );
    await expect(client.listPriceRules({ cursor: "junk" })).rejects.toThrow("cursor");
    expect(published).toEqual(Array(5).fill(uuidToText(org)));
  });
});

describe("BudgetService", () => {
  it("holds what the ledger has against a budget", async () => {
    const client = createClient(BudgetService, transport);
    const { budget } = await client.createBudget({
      name: "Platform",
      scopeType: BudgetScope.TEAM,
      scopeId: uuidToText(TEAM),
      amountUsdMicros: 1_000n,
      period: BudgetPeriod.DAILY,
    });
    const call = (teamId: Buffer, costUsdMicros: bigint) =>
      makeRecord(NOON_US, { intent: { orgId: org, teamId }, completion: { costUsdMicros } });
    await store([call(TEAM, 300n), call(TEAM, 200n), call(randomBytesPooled(16), 7n)]);
    const { items } = await client.listBudgets({});
    expect(items[0]).toMatchObject({
      budget: { id: budget?.id },
      usage: { spentUsdMicros: 500n, forecastUsdMicros: 1_000n, reachedThresholds: [50] },
    });
    expect(published).toContain(uuidToText(org));
  });
});
