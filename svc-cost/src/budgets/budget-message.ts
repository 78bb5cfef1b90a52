import { timestampFromDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { BudgetPeriod } from "@gatewayops/platform/budgets/budget-period";
import {
  BudgetPeriod as PeriodMessage,
  BudgetPosture as PostureMessage,
  BudgetScope as ScopeMessage,
  type CreateBudgetRequest,
  type UpdateBudgetRequest,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import type { Budget, BudgetPosture, BudgetScopeType, BudgetSettings } from "./budget.ts";
import type { BudgetUsage } from "./usage.ts";

const SCOPES: Readonly<Record<BudgetScopeType, ScopeMessage>> = {
  org: ScopeMessage.ORG,
  team: ScopeMessage.TEAM,
  user: ScopeMessage.USER,
  key: ScopeMessage.KEY,
  project: ScopeMessage.PROJECT,
  server: ScopeMessage.SERVER,
};

const PERIODS: Readonly<Record<BudgetPeriod, PeriodMessage>> = {
  daily: PeriodMessage.DAILY,
  weekly: PeriodMessage.WEEKLY,
  monthly: PeriodMessage.MONTHLY,
};

const POSTURES: Readonly<Record<BudgetPosture, PostureMessage>> = {
  refuse: PostureMessage.REFUSE,
  allow: PostureMessage.ALLOW,
};

const DEFAULT_THRESHOLDS: readonly number[] = [50, 80, 100];

/** The scope of a request. Undefined for none, and for one that only a newer program knows. */
export function scopeTypeFrom(scope: ScopeMessage): BudgetScopeType | undefined {
  return nameOf(SCOPES, scope);
}

export function periodFrom(period: PeriodMessage): BudgetPeriod | undefined {
  return nameOf(PERIODS, period);
}

/** The settings of a request, with the defaults of what it does not say. */
export function settingsFrom(request: CreateBudgetRequest | UpdateBudgetRequest): BudgetSettings {
  const { alertThresholds: thresholds } = request;
  return {
    name: request.name,
    amountUsdMicros: request.amountUsdMicros,
    alertThresholds:
      thresholds.length === 0 ? DEFAULT_THRESHOLDS : [...thresholds].sort((a, b) => a - b),
    enforceLimit: request.enforceLimit,
    onUnavailable: nameOf(POSTURES, request.onUnavailable) ?? "refuse",
  };
}

/** The message of a budget. */
export function toBudgetMessage(budget: Budget) {
  return {
    id: budget.id,
    name: budget.name,
    scopeType: SCOPES[budget.scopeType],
    scopeId: budget.scopeId ?? "",
    amountUsdMicros: budget.amountUsdMicros,
    period: PERIODS[budget.period],
    alertThresholds: [...budget.alertThresholds],
    enforceLimit: budget.enforceLimit,
    onUnavailable: POSTURES[budget.onUnavailable],
    createTime: timestampFromDate(budget.createTime),
    updateTime: timestampFromDate(budget.updateTime),
  };
}

/** The message of a budget's usage in a period. */
export function toUsageMessage(usage: BudgetUsage) {
  return {
    periodStart: timestampFromMs(usage.span.startMs),
    periodEnd: timestampFromMs(usage.span.endMs),
    amountUsdMicros: usage.amountUsdMicros,
    spentUsdMicros: usage.spentUsdMicros,
    ...(usage.forecastUsdMicros !== undefined && { forecastUsdMicros: usage.forecastUsdMicros }),
    refusedCalls: usage.refusedCalls,
    reachedThresholds: [...usage.reachedThresholds],
  };
}

/** The messages of budgets, each with its usage: both in one order. */
export function toMessagesWithUsage(budgets: readonly Budget[], usages: readonly BudgetUsage[]) {
  return budgets.map((budget, index) => {
    const usage = usages[index];
    return { budget: toBudgetMessage(budget), ...(usage && { usage: toUsageMessage(usage) }) };
  });
}

function nameOf<Name extends string>(
  numbers: Readonly<Record<Name, number>>,
  wanted: number,
): Name | undefined {
  return (Object.keys(numbers) as Name[]).find((name) => numbers[name] === wanted);
}
