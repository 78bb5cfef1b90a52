import { beforeEach, describe, expect, it } from "@jest/globals";
import {
  Code,
  ConnectError,
  createClient,
  createRouterTransport,
  type Client,
} from "@connectrpc/connect";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { connectErrorFrom, failureFromConnect } from "@gatewayops/platform/rpc/errors";
import { NamedKind } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import {
  BudgetPeriod,
  BudgetPosture,
  BudgetScope,
  BudgetService,
  InternalBudgetService,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { asCaller } from "../../test/as-caller.ts";
import { createBudgetRpc } from "./budget-rpc.ts";
import { createScopeCheck } from "./budget-scope.ts";
import { createMemoryBudgetStore } from "./budget-store.memory.ts";
import { createInternalBudgetRpc } from "./internal-budget-rpc.ts";
import { createMemorySpendStore, type Spend } from "./spend-store.memory.ts";
import { createUsageReader } from "./usage-reader.ts";

const ORG = "0b6f9c1e-0000-4000-8000-000000000001";
const OTHER = "0b6f9c1e-0000-4000-8000-000000000002";
const TEAM = "0b6f9c1e-0000-4000-8000-00000000000a";
/** Noon of a Wednesday, and the 25th of a month with 30 days. */
const NOON_MS = Date.parse("2026-11-25T12:00:00Z");

describe("createBudgetRpc", () => {
  let caller: string;
  let told: string[];
  let spends: Spend[];
  let authAway: boolean;
  let client: Client<typeof BudgetService>;
  let internal: Client<typeof InternalBudgetService>;

  beforeEach(() => {
    caller = ORG;
    [told, spends] = [[], []];
    authAway = false;
    const budgets = createMemoryBudgetStore(new Map());
    const timeZones = { of: () => Promise.resolve("UTC") };
    const usages = createUsageReader({
      spend: createMemorySpendStore(spends),
      timeZones,
      now: () => NOON_MS,
    });
    const methods = createBudgetRpc({
      budgets,
      usages,
      checkScope: createScopeCheck(({ refs }) =>
        authAway
          ? Promise.reject(new ConnectError("away", Code.Unavailable))
          : Promise.resolve({
              entries: refs.filter(
                ({ orgId, kind, id }) => orgId === ORG && kind === NamedKind.TEAM && id === TEAM,
              ),
            }),
      ),
      publisher: {
        publish: (change) => Promise.resolve(void told.push(change?.invalidation.kind ?? "none")),
      },
      now: () => NOON_MS,
    });
    const transport = createRouterTransport(
      ({ service }) => {
        service(BudgetService, methods);
        service(InternalBudgetService, createInternalBudgetRpc({ budgets, usages, timeZones }));
      },
      {
        router: {
          interceptors: [
            (next) => async (request) => {
              try {
                return await next(request);
              } catch (error) {
                throw connectErrorFrom(failureFromConnect(error));
              }
            },
            asCaller(() => caller),
          ],
        },
      },
    );
    client = createClient(BudgetService, transport);
    internal = createClient(InternalBudgetService, transport);
  });

  const aBudget = (name: string) => ({
    name,
    scopeType: BudgetScope.ORG,
    amountUsdMicros: 1_000_000n,
    period: BudgetPeriod.DAILY,
  });

  const failure = async (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: unknown) => failureFromConnect(error),
    );

  it("makes a budget with the defaults of what is not said, and tells gateways", async () => {
    const { budget } = await client.createBudget(aBudget("All"));
    expect(budget).toMatchObject({
      ...aBudget("All"),
      scopeId: "",
      alertThresholds: [50, 80, 100],
      enforceLimit: false,
      onUnavailable: BudgetPosture.REFUSE,
    });
    expect(budget?.createTime && timestampDate(budget.createTime)).toEqual(new Date(NOON_MS));
    expect(told).toEqual(["budgets"]);
  });

  it("orders thresholds, changes settings and deletes, in the caller's organisation alone", async () => {
    const { budget } = await client.createBudget({ ...aBudget("All"), alertThresholds: [90, 10] });
    expect(budget?.alertThresholds).toEqual([10, 90]);
    const id = budget?.id ?? "";
    const settings = {
      id,
      name: "Less",
      amountUsdMicros: 5n,
      alertThresholds: [],
      enforceLimit: true,
      onUnavailable: BudgetPosture.ALLOW,
    };
    caller = OTHER;
    expect(await failure(client.updateBudget(settings))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await failure(client.deleteBudget({ id }))).toMatchObject({ reason: "NOT_FOUND" });
    expect(await failure(client.getBudgetUsage({ id }))).toMatchObject({ reason: "NOT_FOUND" });
    expect((await client.listBudgets({})).items).toEqual([]);
    caller = ORG;
    const updated = await client.updateBudget(settings);
    expect(updated.budget).toMatchObject({ ...settings, alertThresholds: [50, 80, 100] });
    await client.deleteBudget({ id });
    expect((await client.listBudgets({})).items).toEqual([]);
    expect(told).toEqual(["budgets", "budgets", "budgets"]);
  });

  it("refuses scopes that are nobody's, with the field", async () => {
    const problems = async (scopeType: BudgetScope, scopeId: string) => {
      const found = await failure(client.createBudget({ ...aBudget("B"), scopeType, scopeId }));
      return [found?.reason, found?.details[0]?.field];
    };
    const invalid = (field: string) => ["REQUEST_INVALID", field];
    expect(await problems(BudgetScope.UNSPECIFIED, "")).toEqual(invalid("scope_type"));
    expect(await problems(BudgetScope.PROJECT, TEAM)).toEqual(invalid("scope_type"));
    expect(await problems(BudgetScope.ORG, TEAM)).toEqual(invalid("scope_id"));
    expect(await problems(BudgetScope.TEAM, "")).toEqual(invalid("scope_id"));
    expect(await problems(BudgetScope.TEAM, ORG)).toEqual(invalid("scope_id"));
    expect(await problems(BudgetScope.USER, TEAM)).toEqual(invalid("scope_id"));
    expect(await problems(BudgetScope.TEAM, TEAM.toUpperCase())).toEqual([undefined, undefined]);
    authAway = true;
    expect((await problems(BudgetScope.TEAM, TEAM))[0]).toBe("AUTH_UNAVAILABLE");
  });

  it("lists budgets by name in pages, each with its usage", async () => {
    const { MONTHLY, DAILY, WEEKLY } = BudgetPeriod;
    for (const [name, period] of [
      ["b", MONTHLY],
      ["a", DAILY],
      ["c", WEEKLY],
    ] as const)
      await client.createBudget({ ...aBudget(name), period });
    // On the day, on Monday, on the 1st, and in the month before.
    for (const [time, costUsdMicros] of [
      ["2026-11-25T00:00:00Z", 500_000n],
      ["2026-11-23T00:00:00Z", 20n],
      ["2026-11-01T00:00:00Z", 3n],
      ["2026-10-31T23:59:59Z", 7_000_000n],
    ] as const)
      spends.push({ orgId: ORG, timeMs: Date.parse(time), costUsdMicros });
    const first = await client.listBudgets({ limit: 2 });
    const rest = await client.listBudgets({ limit: 2, cursor: first.cursor });
    expect([first.hasMore, rest.hasMore, rest.cursor]).toEqual([true, false, ""]);
    const items = [...first.items, ...rest.items];
    expect(items.map(({ budget }) => budget?.name)).toEqual(["a", "b", "c"]);
    expect(items.map(({ usage }) => usage?.spentUsdMicros)).toEqual([500_000n, 500_023n, 500_020n]);
    expect(items[0]?.usage).toMatchObject({
      // Half the day has passed.
      forecastUsdMicros: 1_000_000n,
      reachedThresholds: [50],
      amountUsdMicros: 1_000_000n,
    });
    const { items: told } = await internal.listBudgetUsages({ orgId: ORG });
    expect(told.map(({ usage }) => usage?.spentUsdMicros).sort()).toEqual([
      500_000n,
      500_020n,
      500_023n,
    ]);
  });

  it("tells of periods before, newest first, as far back as the ledger goes", async () => {
    const { budget } = await client.createBudget({ ...aBudget("m"), period: BudgetPeriod.MONTHLY });
    spends.push({ orgId: ORG, timeMs: Date.parse("2026-09-30T23:59:59Z"), costUsdMicros: 7n });
    const { usages } = await client.getBudgetUsage({ id: budget?.id ?? "", pastPeriods: 2 });
    expect(
      usages.map(({ periodStart, spentUsdMicros, forecastUsdMicros }) => [
        periodStart && timestampDate(periodStart).toISOString().slice(0, 10),
        spentUsdMicros,
        forecastUsdMicros,
      ]),
    ).toEqual([
      ["2026-11-01", 0n, 0n],
      ["2026-10-01", 0n, undefined],
      ["2026-09-01", 7n, undefined],
    ]);
    // December 2025 is the first month that began within 365 days.
    const all = await client.getBudgetUsage({ id: budget?.id ?? "", pastPeriods: 60 });
    expect(all.usages).toHaveLength(12);
  });

  it("gives gateways the book of an organisation, with its time zone", async () => {
    const { budget } = await client.createBudget(aBudget("All"));
    const book = await internal.getBudgetBook({ orgId: ORG });
    expect(book).toMatchObject({ budgets: [{ id: budget?.id }], timeZone: "UTC" });
    expect((await internal.getBudgetBook({ orgId: OTHER })).budgets).toEqual([]);
    expect(await failure(internal.getBudgetBook({ orgId: "x" }))).toMatchObject({
      reason: "REQUEST_INVALID",
    });
  });
});
