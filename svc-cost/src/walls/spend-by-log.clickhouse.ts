import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { dateTimeFromMicros, microsFromUsd } from "@gatewayops/platform/clickhouse/values";
import type { BudgetScopeType } from "../budgets/budget.ts";
import type { SpendByLog, SpendByLogQuery } from "./spend-by-log.ts";

export function createClickHouseSpendByLog(clickhouse: ClickHouse): SpendByLog {
  return {
    async uncounted(orgId, query) {
      const { countedSince } = query;
      const rows = await clickhouse.select<LogRow>(
        "budget spend",
        UNCOUNTED[query.subject.scopeType],
        {
          ...parametersOf(orgId, query),
          // The nil log stands in, since an empty array has no type.
          logs: [NO_LOG, ...countedSince.keys()],
          since: [0, ...countedSince.values()],
        },
      );
      return new Map(rows.map(({ log, spent }) => [log, microsFromUsd(spent)]));
    },
    async ofLogs(orgId, query) {
      const rows = await clickhouse.select<LogRow>(
        "budget log spend",
        OF_LOGS[query.subject.scopeType],
        {
          ...parametersOf(orgId, query),
          logs: query.logIds,
        },
      );
      return new Map(rows.map(({ log, spent }) => [log, microsFromUsd(spent)]));
    },
  };
}

type LogRow = { log: string; spent: string };

const NO_LOG = "00000000000000000000000000000000";

const SCOPES: Readonly<Record<BudgetScopeType, string>> = {
  org: "",
  team: "AND team_id = {scopeId:String}",
  user: "AND user_id = {scopeId:String}",
  key: "AND key_id = {scopeId:String}",
  project: "AND project_id = {scopeId:String}",
  server: "AND server_id = {scopeId:String}",
};

const UNCOUNTED = forEachScope(
  (scope) => `
    SELECT replaceAll(toString(log_id), '-', '') AS log, toString(sum(cost)) AS spent
    FROM cost_events FINAL
    WHERE ${inPeriod(scope)}
      AND (NOT has({logs:Array(String)}, replaceAll(toString(log_id), '-', ''))
        OR toUnixTimestamp64Micro(timestamp)
          < transform(replaceAll(toString(log_id), '-', ''), {logs:Array(String)}, {since:Array(Int64)}, toInt64(0)))
    GROUP BY log_id`,
);

const OF_LOGS = forEachScope(
  (scope) => `
    SELECT replaceAll(toString(log_id), '-', '') AS log, toString(sum(cost)) AS spent
    FROM cost_events FINAL
    WHERE ${inPeriod(scope)} AND has({logs:Array(String)}, replaceAll(toString(log_id), '-', ''))
    GROUP BY log_id`,
);

function inPeriod(scope: BudgetScopeType): string {
  return `org_id = {orgId:String} AND timestamp >= {start:DateTime64(6, 'UTC')} AND timestamp < {end:DateTime64(6, 'UTC')}
      AND cost > 0 ${SCOPES[scope]}`;
}

function forEachScope(sqlOf: (scope: BudgetScopeType) => string): Record<BudgetScopeType, string> {
  return Object.fromEntries(
    (Object.keys(SCOPES) as BudgetScopeType[]).map((scope) => [scope, sqlOf(scope)]),
  ) as Record<BudgetScopeType, string>;
}

function parametersOf(
  orgId: string,
  { subject, period }: Pick<SpendByLogQuery, "subject" | "period">,
): Record<string, string> {
  return {
    orgId,
    start: dateTimeFromMicros(BigInt(period.startMs) * 1000n),
    end: dateTimeFromMicros(BigInt(period.endMs) * 1000n),
    scopeId: subject.scopeId ?? "",
  };
}
