import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import {
  BudgetPeriod,
  BudgetPosture,
  type Budget,
  type BudgetUsage,
  type BudgetWithUsage,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { table } from "../client/table.ts";
import { usd } from "../client/units.ts";
import { scopeText } from "./budget-scope.ts";

export const PERIODS = {
  daily: BudgetPeriod.DAILY,
  weekly: BudgetPeriod.WEEKLY,
  monthly: BudgetPeriod.MONTHLY,
} as const;

export const POSTURES = {
  refuse: BudgetPosture.REFUSE,
  allow: BudgetPosture.ALLOW,
} as const;

/** Budgets with what is spent of them, for people. */
export function budgetsText(items: readonly BudgetWithUsage[]): string {
  if (items.length === 0) return "No budgets yet. Make one: gwo budgets create NAME AMOUNT";
  return table(
    ["NAME", "FOR", "PERIOD", "AMOUNT", "SPENT", "", "FORECAST", "MODE", "ID"],
    items.flatMap(({ budget, usage }) =>
      budget
        ? [
            [
              budget.name,
              scopeText(budget),
              nameOf(PERIODS, budget.period),
              usd(budget.amountUsdMicros),
              usd(usage?.spentUsdMicros ?? 0n),
              percentText(usage),
              forecastText(usage),
              modeText(budget),
              budget.id,
            ],
          ]
        : [],
    ),
  );
}

/** Usage of a budget by period, for people. */
export function usageText(usages: readonly BudgetUsage[]): string {
  return table(
    ["FROM", "TO", "SPENT", "", "FORECAST", "REFUSED", "REACHED"],
    usages.map((usage) => [
      timeText(usage.periodStart),
      timeText(usage.periodEnd),
      usd(usage.spentUsdMicros),
      percentText(usage),
      forecastText(usage),
      String(usage.refusedCalls),
      usage.reachedThresholds.map((threshold) => `${threshold}%`).join(", "),
    ]),
  );
}

/** Share of the amount that is spent, in whole percent, rounded down: only what is spent reaches 100. */
export function percentText(usage: BudgetUsage | undefined): string {
  if (usage === undefined || usage.amountUsdMicros === 0n) return "";
  return `${String((usage.spentUsdMicros * 100n) / usage.amountUsdMicros)}%`;
}

function forecastText(usage: BudgetUsage | undefined): string {
  return usage?.forecastUsdMicros === undefined ? "–" : usd(usage.forecastUsdMicros);
}

function modeText({ enforceLimit, onUnavailable }: Budget): string {
  if (!enforceLimit) return "observed";
  return onUnavailable === BudgetPosture.ALLOW ? "enforced, else allow" : "enforced";
}

/** In UTC, to the minute: the organisation's days begin at others than those of whoever asks. */
function timeText(time: Timestamp | undefined): string {
  return time === undefined ? "" : `${timestampDate(time).toISOString().slice(0, 16)}Z`;
}

function nameOf(names: Readonly<Record<string, number>>, wanted: number): string {
  return Object.keys(names).find((name) => names[name] === wanted) ?? "?";
}
