import type { ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { microsFromUsd } from "@gatewayops/platform/clickhouse/values";
import { toolIdToText } from "@gatewayops/platform/ids";
import type { Period } from "./periods.ts";
import type { GroupSums, Grouping, StepSums, Summary, SummaryStore } from "./summary-store.ts";

export function createClickHouseSummaryStore(clickhouse: ClickHouse): SummaryStore {
  return {
    async summarize(orgId, { period, grouping, limit }) {
      const rows = await clickhouse.select<SummaryRow>("cost summary", SUMMARIES[grouping], {
        orgId,
        limit,
        ...parametersOf(period),
      });
      return toSummary(rows, grouping);
    },
    async series(orgId, steps) {
      const rows = await clickhouse.select<SeriesRow>("usage series", SERIES, {
        orgId,
        stepSeconds: steps.stepSeconds,
        startSeconds: steps.startMs / 1000,
        ...parametersOf(steps),
      });
      return rows.map(toStepSums);
    },
  };
}

const GROUPS: Record<Grouping, string> = {
  day: "toString(toDate(minute))",
  week: "toString(toMonday(minute))",
  month: "toString(toStartOfMonth(minute))",
  team: "toString(team_id)",
  user: "toString(user_id)",
  server: "toString(server_id)",
  tool: "toString(tool_id)",
  key: "toString(key_id)",
};

const TIME_GROUPS: ReadonlySet<Grouping> = new Set(["day", "week", "month"]);

/** One text for each grouping, made once. */
const SUMMARIES = Object.fromEntries(
  (Object.keys(GROUPS) as Grouping[]).map((grouping) => [grouping, summarySql(grouping)]),
) as Record<Grouping, string>;

// The totals are sums over all groups, before the limit; so both come from one state of the table.
function summarySql(grouping: Grouping): string {
  return `
    SELECT ${GROUPS[grouping]} AS group_key, ${grouping === "tool" ? "toString(any(server_id))" : "''"} AS server,
      sum(cost) AS group_cost, sum(calls) AS group_calls, sum(errors) AS group_errors,
      toString(group_cost) AS cost_text,
      toString(sum(group_cost) OVER ()) AS total_cost,
      toString(sum(group_calls) OVER ()) AS total_calls,
      toString(sum(group_errors) OVER ()) AS total_errors
    FROM cost_minute FINAL
    WHERE org_id = {orgId:String}
      AND minute >= {start:DateTime('UTC')} AND minute < {end:DateTime('UTC')}
    GROUP BY group_key
    ORDER BY ${TIME_GROUPS.has(grouping) ? "group_key" : "group_cost DESC, group_calls DESC, group_key"}
    LIMIT {limit:UInt32}`;
}

type SummaryRow = {
  group_key: string;
  server: string;
  cost_text: string;
  group_calls: string;
  group_errors: string;
  total_cost: string;
  total_calls: string;
  total_errors: string;
};

function toSummary(rows: readonly SummaryRow[], grouping: Grouping): Summary {
  const [first] = rows;
  return {
    total: {
      costUsdMicros: microsFromUsd(first?.total_cost ?? "0"),
      calls: BigInt(first?.total_calls ?? "0"),
      errors: BigInt(first?.total_errors ?? "0"),
    },
    groups: rows.map((row): GroupSums => ({
      group: grouping === "tool" ? toolOf(row.group_key) : row.group_key,
      serverId: row.server,
      costUsdMicros: microsFromUsd(row.cost_text),
      calls: BigInt(row.group_calls),
      errors: BigInt(row.group_errors),
    })),
  };
}

function toolOf(decimal: string): string {
  return decimal === "0" ? "" : toolIdToText(BigInt(decimal));
}

const SERIES = `
  SELECT intDiv(toUnixTimestamp(minute) - {startSeconds:UInt32}, {stepSeconds:UInt32}) AS step,
    toString(sum(cost)) AS cost_text, sum(calls) AS step_calls, sum(errors) AS step_errors,
    arrayMap(count -> toString(count), sumForEach(durations)) AS step_durations
  FROM cost_minute FINAL
  WHERE org_id = {orgId:String}
    AND minute >= {start:DateTime('UTC')} AND minute < {end:DateTime('UTC')}
  GROUP BY step
  ORDER BY step`;

type SeriesRow = {
  step: string | number;
  cost_text: string;
  step_calls: string;
  step_errors: string;
  step_durations: string[];
};

function toStepSums(row: SeriesRow): StepSums {
  return {
    step: Number(row.step),
    costUsdMicros: microsFromUsd(row.cost_text),
    calls: BigInt(row.step_calls),
    errors: BigInt(row.step_errors),
    durations: row.step_durations.map(Number),
  };
}

function parametersOf(period: Period): { start: string; end: string } {
  return { start: secondsText(period.startMs), end: secondsText(period.endMs) };
}

function secondsText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
