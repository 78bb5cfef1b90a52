import type { PeriodSpan } from "@gatewayops/platform/budgets/budget-period";
import type { BudgetSubject } from "../budgets/budget.ts";

/** What is asked of the ledger about one period of a budget. */
export type SpendByLogQuery = {
  readonly subject: Pick<BudgetSubject, "scopeType" | "scopeId">;
  readonly period: PeriodSpan;
  /** Logs whose workers keep count themselves, and since when, microseconds since 1970. */
  readonly countedSince: ReadonlyMap<string, number>;
};

/** Reads from the ledger what was spent, by the write-ahead logs that it was recorded in. */
export type SpendByLog = {
  /** Micro-USD by log of what workers have not counted themselves. */
  uncounted(orgId: string, query: SpendByLogQuery): Promise<ReadonlyMap<string, bigint>>;
  /** Micro-USD that was spent by each of the logs. */
  ofLogs(
    orgId: string,
    query: Omit<SpendByLogQuery, "countedSince"> & { readonly logIds: readonly string[] },
  ): Promise<ReadonlyMap<string, bigint>>;
};
