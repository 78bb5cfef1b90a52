import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import {
  hexOf,
  randomBytesPooled,
  requestIdOf,
  toolIdOf,
  toolIdToText,
  uuidToText,
} from "@gatewayops/platform/ids";
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
import { NOON_MS, startCostService, type RunningService } from "./running-service.ts";

const NOON_US = BigInt(NOON_MS) * 1000n;
const DAY = new Date(NOON_MS).toISOString().slice(0, 10);
const SERVER = randomBytesPooled(16);
const TEAM = randomBytesPooled(16);

let org: Buffer;
let service: RunningService;
let transport: RunningService["transport"];
let store: RunningService["store"];

beforeAll(async () => {
  service = await startCostService({
    orgId: () => uuidToText(org),
    names: {
      [`server ${uuidToText(SERVER)}`]: "everything",
      [`tool ${toolIdToText(toolIdOf(SERVER, "echo"))}`]: "echo",
      [`team ${uuidToText(TEAM)}`]: "Platform",
    },
  });
  ({ transport, store } = service);
}, 120_000);

afterAll(() => service.stop());

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
    service.published.length = 0;
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
    expect(service.published).toEqual(Array(5).fill(uuidToText(org)));
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
    expect(service.published).toContain(uuidToText(org));
  });
});
