import type { PeriodSpan } from "@gatewayops/platform/budgets/budget-period";
import type { BudgetSubject } from "./budget.ts";

/** Whose spend is asked for. */
export type SpendScope = Pick<BudgetSubject, "scopeType" | "scopeId">;

/**
 * Reads what was spent from the sums by minute that the ledger keeps, so the bounds of spans are whole minutes, as those
 * of calendar periods are in every time zone of today. A call belongs to the minute in which its request was read.
 */
export type SpendStore = {
  /** Micro-USD spent in the span for each scope, in the order of the scopes. */
  spends(orgId: string, span: PeriodSpan, scopes: readonly SpendScope[]): Promise<bigint[]>;
  /** Micro-USD spent for a scope between each bound and the next, in milliseconds, rising: one fewer than the bounds. */
  history(orgId: string, scope: SpendScope, boundsMs: readonly number[]): Promise<bigint[]>;
  /** Calls that were refused because of a budget, or would have been, by budget id: between each bound and the next. */
  refusals(
    orgId: string,
    boundsMs: readonly number[],
  ): Promise<ReadonlyMap<string, readonly bigint[]>>;
};
