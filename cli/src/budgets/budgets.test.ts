import { describe, expect, it } from "@jest/globals";
import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { createRouterTransport, createClient } from "@connectrpc/connect";
import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import {
  BudgetPeriod,
  BudgetScope,
  BudgetUsageSchema,
  BudgetWithUsageSchema,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import type { Clients } from "../client/target.ts";
import { resolveScope, scopeFrom } from "./budget-scope.ts";
import { budgetsText, percentText, usageText } from "./budget-text.ts";

const usage = (spentUsdMicros: bigint) =>
  create(BudgetUsageSchema, {
    amountUsdMicros: 2_500_000n,
    spentUsdMicros,
    periodStart: timestampFromDate(new Date("2026-11-24T23:00:00Z")),
    periodEnd: timestampFromDate(new Date("2026-11-25T23:00:00Z")),
    reachedThresholds: [50],
  });

describe("scopeFrom", () => {
  it.each([
    ["org", { kind: "org", name: "" }],
    ["team:platform", { kind: "team", name: "platform" }],
    ["key:a:b", { kind: "key", name: "a:b" }],
  ])("reads %s", (text, scope) => {
    expect(scopeFrom(text)).toEqual(scope);
  });
  it.each(["", "team", "team:", "org:acme", "project:x", "constructor:x"])("refuses %s", (text) => {
    expect(() => scopeFrom(text)).toThrow("is no scope");
  });
});

describe("resolveScope", () => {
  const transport = createRouterTransport(({ service }) => {
    service(OrganizationService, {
      // One on each page.
      listTeams: ({ cursor }) =>
        cursor === ""
          ? { items: [{ id: "1", name: "Platform", slug: "plat" }], cursor: "2", hasMore: true }
          : {
              items: [
                { id: "2", name: "Data", slug: "data" },
                { id: "3", name: "Data" },
              ],
            },
    });
  });
  const clients: Clients = (service) => createClient(service, transport);

  it("finds a name, a slug or an id, on any page", async () => {
    const team = async (name: string) =>
      (await resolveScope(clients, { kind: "team", name })).scopeId;
    expect(await Promise.all([team("Platform"), team("plat"), team("data"), team("3")])).toEqual([
      "1",
      "1",
      "2",
      "3",
    ]);
    expect(await resolveScope(clients, { kind: "org", name: "" })).toEqual({
      scopeType: BudgetScope.ORG,
      scopeId: "",
    });
  });

  it("says when there is none, or more than one", async () => {
    await expect(resolveScope(clients, { kind: "team", name: "x" })).rejects.toThrow("there is no");
    await expect(resolveScope(clients, { kind: "team", name: "Data" })).rejects.toThrow("2 teams");
  });
});

describe("budgetsText", () => {
  it("shows what is spent, and how a budget is held to", () => {
    const budget = {
      id: "b1",
      name: "ci",
      scopeType: BudgetScope.KEY,
      scopeId: "k1",
      period: BudgetPeriod.DAILY,
      amountUsdMicros: 2_500_000n,
      enforceLimit: true,
    };
    const text = budgetsText([
      create(BudgetWithUsageSchema, {
        budget,
        usage: { ...usage(1_250_000n), forecastUsdMicros: 2_600_000n },
      }),
    ]);
    expect(text.split("\n")[1]?.split(/ {2,}/)).toEqual([
      "ci",
      "key k1",
      "daily",
      "$2.50",
      "$1.25",
      "50%",
      "$2.60",
      "enforced",
      "b1",
    ]);
    expect(budgetsText([])).toContain("gwo budgets create");
  });
});

describe("usageText", () => {
  it("shows periods in UTC, and no forecast where there is none", () => {
    const cells = usageText([usage(1_300_000n)])
      .split("\n")[1]
      ?.split(/ {2,}/);
    const period = ["2026-11-24T23:00Z", "2026-11-25T23:00Z"];
    expect(cells).toEqual([...period, "$1.30", "52%", "–", "0", "50%"]);
  });
});

describe("percentText", () => {
  it("is 100 only when all is spent", () => {
    expect(percentText(usage(2_499_999n))).toBe("99%");
    expect(percentText(usage(2_500_000n))).toBe("100%");
    expect(percentText(usage(7_500_000n))).toBe("300%");
  });
});
