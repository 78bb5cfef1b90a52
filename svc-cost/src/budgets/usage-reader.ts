import {
  periodBefore,
  periodContaining,
  type PeriodSpan,
} from "@gatewayops/platform/budgets/budget-period";
import type { Budget } from "./budget.ts";
import type { SpendStore } from "./spend-store.ts";
import type { TimeZones } from "./time-zones.ts";
import { usageOf, type BudgetUsage } from "./usage.ts";

/** Reads what is spent of budgets. */
export type UsageReader = {
  /** Usage of each budget in the period that now is in, in the order of the budgets. */
  current(orgId: string, budgets: readonly Budget[]): Promise<BudgetUsage[]>;
  /**
   * Usage of a budget in the current period and in those before, newest first, by its present amount and the present
   * time zone. Periods that began before what the ledger keeps are left out.
   */
  history(orgId: string, budget: Budget, pastPeriods: number): Promise<BudgetUsage[]>;
};

export type UsageReaderOptions = {
  readonly spend: SpendStore;
  readonly timeZones: TimeZones;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
};

/** How long the ledger keeps calls and sums, in milliseconds: the tables' time to live. */
const LEDGER_MS = 365 * 86_400_000;

export function createUsageReader(options: UsageReaderOptions): UsageReader {
  const { spend, timeZones } = options;
  return {
    async current(orgId, budgets) {
      if (budgets.length === 0) return [];
      const nowMs = options.now();
      const timeZone = await timeZones.of(orgId);
      const usages = new Map<Budget, BudgetUsage>();
      const periods = Map.groupBy(budgets, ({ period }) => period);
      for (const [period, group] of periods) {
        const span = periodContaining(period, timeZone, nowMs);
        const spends = await spend.spends(orgId, span, group);
        const refusals = await spend.refusals(orgId, [span.startMs, span.endMs]);
        for (const [index, budget] of group.entries()) {
          const refusedCalls = refusals.get(budget.id)?.[0] ?? 0n;
          const spentUsdMicros = spends[index] ?? 0n;
          usages.set(budget, usageOf(budget, { span, spentUsdMicros, refusedCalls, nowMs }));
        }
      }
      return budgets.flatMap((budget) => usages.get(budget) ?? []);
    },

    async history(orgId, budget, pastPeriods) {
      const nowMs = options.now();
      const timeZone = await timeZones.of(orgId);
      const spans: PeriodSpan[] = [periodContaining(budget.period, timeZone, nowMs)];
      for (let left = pastPeriods; left > 0; left -= 1) {
        const span = periodBefore(budget.period, timeZone, spans[0] ?? { startMs: nowMs });
        if (span.startMs < nowMs - LEDGER_MS) break;
        spans.unshift(span);
      }
      const boundsMs = [...spans.map(({ startMs }) => startMs), spans.at(-1)?.endMs ?? nowMs];
      const spends = await spend.history(orgId, budget, boundsMs);
      const refusals = (await spend.refusals(orgId, boundsMs)).get(budget.id);
      return spans
        .map((span, index) =>
          usageOf(budget, {
            span,
            spentUsdMicros: spends[index] ?? 0n,
            refusedCalls: refusals?.[index] ?? 0n,
            nowMs,
          }),
        )
        .reverse();
    },
  };
}
