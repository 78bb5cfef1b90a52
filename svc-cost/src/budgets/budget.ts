import type { BudgetPeriod } from "@gatewayops/platform/budgets/budget-period";

/** Whose calls a budget is for. */
export type BudgetScopeType = "org" | "team" | "user" | "key" | "project" | "server";

/** What happens to calls while it cannot be decided whether they stay within an enforced budget. */
export type BudgetPosture = "refuse" | "allow";

/** What of a budget may change. */
export type BudgetSettings = {
  /** Unique in the organisation. */
  readonly name: string;
  /** What may be spent in a period, more than 0. */
  readonly amountUsdMicros: bigint;
  /** Percentages of the amount that are told of when they are reached, rising. */
  readonly alertThresholds: readonly number[];
  /** True: enforced. False: observed. */
  readonly enforceLimit: boolean;
  readonly onUnavailable: BudgetPosture;
};

/** What a budget counts, which stays as it is: spend of another scope or period is another budget's. */
export type BudgetSubject = {
  readonly scopeType: BudgetScopeType;
  /** UUID; undefined for the organisation. */
  readonly scopeId: string | undefined;
  readonly period: BudgetPeriod;
};

export type Budget = BudgetSettings &
  BudgetSubject & {
    /** UUID. */
    readonly id: string;
    readonly createTime: Date;
    readonly updateTime: Date;
  };

/** A budget and whose it is. */
export type OwnedBudget = { readonly orgId: string; readonly budget: Budget };

/** Most budgets of an organisation: gateways hold all of them in memory. */
export const BUDGETS_MAX = 1_000;
