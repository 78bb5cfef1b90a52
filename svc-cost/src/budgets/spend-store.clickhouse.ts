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

    async refusals(orgId, boundsMs) {
      const [first, last] = [boundsMs[0], boundsMs.at(-1)];
      const refused = new Map<string, bigint[]>();
      if (first === undefined || last === undefined) return refused;
      const rows = await clickhouse.select<RefusalRow>("budget refusals", REFUSALS, {
        orgId,
        start: secondsText(first),
        end: secondsText(last),
        bounds: boundsMs.map((boundMs) => boundMs / 1000),
      });
      for (const { budget, place, calls } of rows) {
        const counts = refused.get(budget) ?? boundsMs.slice(1).map(() => 0n);
        counts[Number(place) - 1] = BigInt(calls);
        refused.set(budget, counts);
      }
      return refused;
    },
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

// Few calls name a budget, so the column says hardly anything and is read fast.
const REFUSALS = `
  SELECT toString(budget_id) AS budget,
    arrayCount(bound -> toUnixTimestamp(timestamp) >= bound, {bounds:Array(UInt32)}) AS place,
    toString(count()) AS calls
  FROM cost_events FINAL
  WHERE org_id = {orgId:String} AND budget_id != toUUID('00000000-0000-0000-0000-000000000000')
    AND timestamp >= {start:DateTime('UTC')} AND timestamp < {end:DateTime('UTC')}
  GROUP BY budget_id, place`;

type RefusalRow = { budget: string; place: string | number; calls: string };

function textOf({ scopeType, scopeId }: SpendScope): string {
  return `${scopeType} ${scopeId ?? ""}`;
}

function secondsText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
