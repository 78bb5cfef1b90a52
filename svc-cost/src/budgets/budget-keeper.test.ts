import { beforeEach, describe, expect, it } from "@jest/globals";
import { createLogger } from "@gatewayops/platform/log";
import { Failure } from "@gatewayops/platform/errors";
import type { BudgetThresholdReached } from "@gatewayops/platform/streams/admin-events";
import { createBudgetKeeper } from "./budget-keeper.ts";
import { createMemoryBudgetStore } from "./budget-store.memory.ts";
import type { FreshBudget } from "./budget-store.ts";
import { createMemoryCrossingStore } from "./crossing-store.memory.ts";
import { createMemorySpendStore, type Spend } from "./spend-store.memory.ts";

const log = createLogger({ service: "t", level: "silent", format: "json", maskSensitive: false });
const ORG = "0b6f9c1e-0000-4000-8000-000000000001";
const OTHER = "0b6f9c1e-0000-4000-8000-000000000002";
const CREATED = new Date("2026-11-01T00:00:00Z");
const SECOND_MS = 1_000;

describe("createBudgetKeeper", () => {
  let nowMs: number;
  let elapsedMs: number;
  let spends: Spend[];
  let told: BudgetThresholdReached[];
  let tellFails: boolean;
  let zoneFails: Set<string>;
  let asked: number;
  let outcomes: string[];
  let reached: number;
  let queryMs: number;
  let budgets: ReturnType<typeof createMemoryBudgetStore>;
  let crossings: ReturnType<typeof createMemoryCrossingStore>;
  let keeper: ReturnType<typeof createBudgetKeeper>;

  beforeEach(() => {
    nowMs = Date.parse("2026-11-25T12:00:00Z");
    [elapsedMs, asked, reached, queryMs] = [0, 0, 0, 0];
    [spends, told, outcomes] = [[], [], []];
    tellFails = false;
    zoneFails = new Set();
    budgets = createMemoryBudgetStore(new Map());
    crossings = createMemoryCrossingStore();
    keeper = newKeeper();
  });

  function newKeeper() {
    const spend = createMemorySpendStore(spends);
    return createBudgetKeeper({
      budgets,
      spend: {
        spends: (...args) => {
          asked += 1;
          elapsedMs += queryMs;
          return spend.spends(...args);
        },
      },
      timeZones: {
        of: (orgId) =>
          zoneFails.has(orgId)
            ? Promise.reject(new Failure("AUTH_UNAVAILABLE", "away"))
            : Promise.resolve("Europe/Berlin"),
      },
      crossings,
      tell: (event) => {
        if (tellFails) return Promise.reject(new Error("away"));
        told.push(event);
        return Promise.resolve();
      },
      observe: {
        evaluated: (outcome) => void outcomes.push(outcome),
        reached: () => void (reached += 1),
      },
      now: () => nowMs,
      elapsed: () => elapsedMs,
      log,
    });
  }

  async function aBudget(orgId: string, more: Partial<FreshBudget> = {}, createTime = CREATED) {
    const id = `0b6f9c1e-0000-4000-8000-${String((ids += 1)).padStart(12, "0")}`;
    const fresh: FreshBudget = {
      id,
      name: id,
      scopeType: "org",
      scopeId: undefined,
      period: "daily",
      amountUsdMicros: 1_000n,
      alertThresholds: [50, 100],
      enforceLimit: false,
      onUnavailable: "refuse",
      ...more,
    };
    return (await budgets.create(orgId, fresh, { changeId: id, time: createTime })).budget;
  }
  let ids = 100;

  function spent(orgId: string, costUsdMicros: bigint, time = nowMs): void {
    spends.push({ orgId, timeMs: time, costUsdMicros });
  }

  async function roundAfter(ms: number): Promise<void> {
    nowMs += ms;
    elapsedMs += ms;
    await keeper.round();
  }

  it("tells of each threshold once in a period, and again in the next", async () => {
    const budget = await aBudget(ORG);
    spent(ORG, 499n);
    await keeper.round();
    expect(told).toEqual([]);
    spent(ORG, 1n);
    await roundAfter(5 * SECOND_MS);
    await roundAfter(5 * SECOND_MS);
    expect(told).toEqual([
      {
        id: `${budget.id}/2026-11-24T23:00:00.000Z/50`,
        kind: "budget_threshold_reached",
        orgId: ORG,
        budgetId: budget.id,
        budget: budget.name,
        threshold: 50,
        amountUsdMicros: "1000",
        spentUsdMicros: "500",
        periodStart: "2026-11-24T23:00:00.000Z",
        periodEnd: "2026-11-25T23:00:00.000Z",
        time: "2026-11-25T12:00:05.000Z",
      },
    ]);
    nowMs = Date.parse("2026-11-25T23:00:00Z");
    spent(ORG, 5_000n);
    await roundAfter(0);
    expect(told.map(({ periodStart, threshold }) => [periodStart, threshold])).toEqual([
      ["2026-11-24T23:00:00.000Z", 50],
      ["2026-11-25T23:00:00.000Z", 50],
      ["2026-11-25T23:00:00.000Z", 100],
    ]);
    expect(reached).toBe(3);
  });

  it("tells nothing twice after a restart, and asks the store no more once all is told", async () => {
    await aBudget(ORG);
    spent(ORG, 1_000n);
    await keeper.round();
    keeper = newKeeper();
    elapsedMs = 0;
    await keeper.round();
    expect(told.map(({ threshold }) => threshold)).toEqual([50, 100]);
    const before = asked;
    await roundAfter(5 * SECOND_MS);
    expect(asked).toBe(before);
  });

  it("tells later what it could not tell, under the same id", async () => {
    await aBudget(ORG, { alertThresholds: [50] });
    spent(ORG, 600n);
    tellFails = true;
    await keeper.round();
    expect(await crossings.untold(10)).toHaveLength(1);
    tellFails = false;
    // Another process, after a kill.
    keeper = newKeeper();
    await roundAfter(5 * SECOND_MS);
    await roundAfter(5 * SECOND_MS);
    expect(told).toHaveLength(1);
    expect(await crossings.untold(10)).toEqual([]);
  });

  it("hears of records that come late for a period that has ended, for a day", async () => {
    await aBudget(ORG);
    const yesterday = Date.parse("2026-11-24T12:00:00Z");
    spent(ORG, 500n, yesterday);
    await keeper.round();
    expect(told.map(({ periodStart }) => periodStart)).toEqual(["2026-11-23T23:00:00.000Z"]);
    spent(ORG, 500n, yesterday);
    await roundAfter(5 * SECOND_MS);
    expect(told).toHaveLength(1);
    await roundAfter(60 * SECOND_MS);
    expect(told.map(({ threshold }) => threshold)).toEqual([50, 100]);
    // A weekly budget's last week ended two and a half days ago.
    await aBudget(ORG, { period: "weekly" });
    spent(ORG, 5_000n, Date.parse("2026-11-20T12:00:00Z"));
    await roundAfter(60 * SECOND_MS);
    expect(told.filter(({ periodStart }) => periodStart < "2026-11-22T22")).toEqual([]);
  });

  it("reaches nothing with what was spent in periods before there was a budget", async () => {
    spent(ORG, 5_000n, Date.parse("2026-11-24T12:00:00Z"));
    await aBudget(ORG, {}, new Date(nowMs));
    await keeper.round();
    expect(told).toEqual([]);
  });

  it("looks at others when it cannot look at one", async () => {
    await aBudget(ORG);
    await aBudget(OTHER);
    spent(ORG, 500n);
    spent(OTHER, 500n);
    zoneFails.add(ORG);
    await keeper.round();
    expect(told.map(({ orgId }) => orgId)).toEqual([OTHER]);
    expect(outcomes).toEqual(["failed", "ok"]);
    zoneFails.clear();
    await roundAfter(5 * SECOND_MS);
    expect(told.map(({ orgId }) => orgId)).toEqual([OTHER, ORG]);
  });

  it("looks less often at an organisation whose sums take long", async () => {
    await aBudget(ORG, {}, new Date(nowMs));
    queryMs = 2_000;
    await keeper.round();
    expect(asked).toBe(1);
    await roundAfter(39 * SECOND_MS);
    expect(asked).toBe(1);
    await roundAfter(1 * SECOND_MS);
    expect(asked).toBe(2);
  });
});
