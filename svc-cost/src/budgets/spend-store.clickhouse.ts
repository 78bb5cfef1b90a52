import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { microsFromUsd } from "@gatewayops/platform/clickhouse/values";
import type { BudgetScopeType } from "./budget.ts";
import type { SpendScope, SpendStore } from "./spend-store.ts";

export function createClickHouseSpendStore(clickhouse: ClickHouse): SpendStore {
  return {
    async spends(orgId, { startMs, endMs }, scopes) {
      if (scopes.length === 0) return [];
      const rows = await clickhouse.select<SpendRow>("budget spends", SPENDS, {
        orgId,
        start: secondsText(startMs),
        end: secondsText(endMs),
        scopes: [...new Set(scopes.map(textOf))],
      });
      const spent = new Map(rows.map((row) => [row.scope, microsFromUsd(row.spent)]));
      return scopes.map((scope) => spent.get(textOf(scope)) ?? 0n);
    },

    async history(orgId, scope, boundsMs) {
      const [first, last] = [boundsMs[0], boundsMs.at(-1)];
      if (first === undefined || last === undefined) return [];
      const rows = await clickhouse.select<HistoryRow>(
        "budget history",
        HISTORIES[scope.scopeType],
        {
          orgId,
          scopeId: scope.scopeId ?? "",
          start: secondsText(first),
          end: secondsText(last),
          bounds: boundsMs.map((boundMs) => boundMs / 1000),
        },
      );
      const spent = new Map(rows.map((row) => [Number(row.place), microsFromUsd(row.spent)]));
      return boundsMs.slice(1).map((_, index) => spent.get(index + 1) ?? 0n);
    },

    // The ledger names no budgets: nothing is refused because of one.
    refusals: () => Promise.resolve(new Map()),
  };
}

/** Condition of a scope on the sums by minute. No key belongs to a project. */
const CONDITIONS: Record<BudgetScopeType, string> = {
  org: "1",
  team: "team_id = {scopeId:String}",
  user: "user_id = {scopeId:String}",
  key: "key_id = {scopeId:String}",
  project: "0",
  server: "server_id = {scopeId:String}",
};

// Few groups are left of the minutes before each counts for several scopes.
const SPENDS = `
  SELECT scope, toString(sum(cost)) AS spent
  FROM (
    SELECT team_id, user_id, key_id, server_id, sum(cost) AS cost
    FROM cost_minute FINAL
    WHERE org_id = {orgId:String}
      AND minute >= {start:DateTime('UTC')} AND minute < {end:DateTime('UTC')}
    GROUP BY team_id, user_id, key_id, server_id
  )
  ARRAY JOIN ['org ', concat('team ', team_id), concat('user ', user_id), concat('key ', key_id),
    concat('server ', server_id)] AS scope
  WHERE scope IN {scopes:Array(String)}
  GROUP BY scope`;

type SpendRow = { scope: string; spent: string };

/** One text for each scope, made once. */
const HISTORIES = Object.fromEntries(
  Object.entries(CONDITIONS).map(([scopeType, condition]) => [scopeType, historySql(condition)]),
) as Record<BudgetScopeType, string>;

function historySql(condition: string): string {
  return `
    SELECT arrayCount(bound -> toUnixTimestamp(minute) >= bound, {bounds:Array(UInt32)}) AS place,
      toString(sum(cost)) AS spent
    FROM cost_minute FINAL
    WHERE org_id = {orgId:String} AND ${condition}
      AND minute >= {start:DateTime('UTC')} AND minute < {end:DateTime('UTC')}
    GROUP BY place`;
}

type HistoryRow = { place: string | number; spent: string };

function textOf({ scopeType, scopeId }: SpendScope): string {
  return `${scopeType} ${scopeId ?? ""}`;
}

function secondsText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
