import type { PeriodSpan } from "@gatewayops/platform/budgets/budget-period";
import type { Budget } from "./budget.ts";

/** What is spent of a budget in one of its periods. */
export type BudgetUsage = {
  readonly span: PeriodSpan;
  readonly amountUsdMicros: bigint;
  /** As the ledger has it. */
  readonly spentUsdMicros: bigint;
  /** Undefined when the period has ended, or too little of it has passed. */
  readonly forecastUsdMicros: bigint | undefined;
  readonly refusedCalls: bigint;
  /** Of the budget's thresholds those that are reached, percentages. */
  readonly reachedThresholds: readonly number[];
};

/** What is known of a period of a budget. */
export type PeriodFacts = {
  readonly span: PeriodSpan;
  readonly spentUsdMicros: bigint;
  readonly refusedCalls: bigint;
  readonly nowMs: number;
};

export function usageOf(budget: Budget, facts: PeriodFacts): BudgetUsage {
  const { span, spentUsdMicros, refusedCalls } = facts;
  return {
    span,
    amountUsdMicros: budget.amountUsdMicros,
    spentUsdMicros,
    forecastUsdMicros: forecastOf(facts),
    refusedCalls,
    reachedThresholds: reachedThresholds(budget, spentUsdMicros),
  };
}

/** The thresholds of a budget that a spend has reached: spend equal to the percentage of the amount reaches it. */
export function reachedThresholds(
  { alertThresholds, amountUsdMicros }: Pick<Budget, "alertThresholds" | "amountUsdMicros">,
  spentUsdMicros: bigint,
): number[] {
  return alertThresholds.filter(
    (threshold) => spentUsdMicros * 100n >= amountUsdMicros * BigInt(threshold),
  );
}

/** A period's first part in which nothing is forecast: one in so many. */
const SILENT_SHARE = 20n;

/**
 * Spend at the end of the period if it goes on as it did on average since the period began: every moment of it weighs
 * the same, a quiet night as much as a busy noon. Rounded half up. Undefined in the first twentieth of the period,
 * where one call would decide, and when it has ended.
 */
export function forecastOf({ span, spentUsdMicros, nowMs }: PeriodFacts): bigint | undefined {
  const length = BigInt(span.endMs - span.startMs);
  const elapsed = BigInt(Math.floor(nowMs) - span.startMs);
  if (elapsed >= length || elapsed * SILENT_SHARE < length) return undefined;
  return (2n * spentUsdMicros * length + elapsed) / (2n * elapsed);
}
