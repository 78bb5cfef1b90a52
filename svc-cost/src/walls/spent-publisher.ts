import { periodContaining } from "@gatewayops/platform/budgets/budget-period";
import { writeSpent, type SpentFigures } from "@gatewayops/platform/budgets/spent-figures";
import type { Logger } from "@gatewayops/platform/log";
import type { Redis } from "ioredis";
import type { Budget } from "../budgets/budget.ts";
import type { BudgetKey, BudgetStore } from "../budgets/budget-store.ts";
import type { SpendStore } from "../budgets/spend-store.ts";
import type { TimeZones } from "../budgets/time-zones.ts";

export type SpentPublisherOptions = {
  readonly redis: Redis;
  readonly budgets: Pick<BudgetStore, "all">;
  readonly spend: Pick<SpendStore, "spends">;
  readonly timeZones: TimeZones;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

const PAGE = 1_000;

/** Writes what is spent of all observed budgets for the gateways, once. */
export async function publishSpent(options: SpentPublisherOptions): Promise<void> {
  const { budgets, log } = options;
  const observed = new Map<string, Budget[]>();
  for (let after: BudgetKey | undefined; ;) {
    const page = await budgets.all(after, PAGE);
    for (const { orgId, budget } of page)
      if (!budget.enforceLimit) observed.set(orgId, [...(observed.get(orgId) ?? []), budget]);
    const last = page.at(-1);
    if (!last || page.length < PAGE) break;
    after = { orgId: last.orgId, id: last.budget.id };
  }
  for (const [orgId, owned] of observed) {
    try {
      await writeSpent(options.redis, orgId, await figuresOf(options, orgId, owned));
    } catch (error) {
      // Gateways go on by the figures of before; those of other organisations are written all the same.
      log.warn(
        { err: error, org_id: orgId },
        "what is spent of observed budgets could not be told",
      );
    }
  }
}

async function figuresOf(
  { spend, timeZones, now }: SpentPublisherOptions,
  orgId: string,
  owned: readonly Budget[],
): Promise<SpentFigures> {
  const timeZone = await timeZones.of(orgId);
  const figures = new Map<string, { startMs: number; usdMicros: bigint }>();
  for (const [period, group] of Map.groupBy(owned, (budget) => budget.period)) {
    const span = periodContaining(period, timeZone, now());
    const spends = await spend.spends(orgId, span, group);
    for (const [index, { id }] of group.entries())
      figures.set(id, { startMs: span.startMs, usdMicros: spends[index] ?? 0n });
  }
  return figures;
}
