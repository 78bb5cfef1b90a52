import {
  periodBefore,
  periodContaining,
  type PeriodSpan,
} from "@gatewayops/platform/budgets/budget-period";
import type { Logger } from "@gatewayops/platform/log";
import type { BudgetThresholdReached } from "@gatewayops/platform/streams/admin-events";
import type { Budget } from "./budget.ts";
import type { BudgetKey, BudgetStore } from "./budget-store.ts";
import type { CrossingStore } from "./crossing-store.ts";
import type { SpendStore } from "./spend-store.ts";
import type { TimeZones } from "./time-zones.ts";
import { reachedThresholds } from "./usage.ts";

/** Watches the spend of every budget and tells administrators of thresholds that it reaches. */
export type BudgetKeeper = {
  /**
   * Looks at every budget whose turn it is, and tells what is new. Any number of processes may run it; they should do so
   * one at a time, since each would ask the stores the same.
   */
  round(): Promise<void>;
};

export type BudgetKeeperOptions = {
  readonly budgets: Pick<BudgetStore, "all">;
  readonly spend: Pick<SpendStore, "spends">;
  readonly timeZones: TimeZones;
  readonly crossings: CrossingStore;
  /** Tells administrators. Rejects when that is not sure; may be asked to tell an event again. */
  readonly tell: (event: BudgetThresholdReached) => Promise<void>;
  readonly observe: BudgetKeeperMetrics;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
  /** Milliseconds of a clock that never goes back. */
  readonly elapsed: () => number;
  readonly log: Logger;
};

export type BudgetKeeperMetrics = {
  /** An organisation's budgets were looked at, or could not be. */
  readonly evaluated: (outcome: "ok" | "failed") => void;
  readonly reached: () => void;
};

const PAGE = 1_000;
const UNTOLD_BATCH = 100;
/**
 * Looking at an organisation takes at most this share of the time: one whose sums take long to read is looked at less
 * often.
 */
const SHARE = 0.05;
/** How long after its end a period is still looked at: records may arrive late, for as long as a gateway was cut off. */
const LATE_MS = 86_400_000;
/** How often an ended period is looked at. */
const LATE_EVERY_MS = 60_000;
/** Crossings are kept longer than any period is looked at, so that none is told again. */
const CROSSINGS_KEPT_MS = 100 * 86_400_000;
const FORGET_EVERY_MS = 3_600_000;
/** Crossings remembered here, so that the store is not asked again and again. */
const REMEMBERED_MAX = 100_000;

/** When an organisation is looked at again, by the clock that never goes back. */
type Turn = { readonly currentMs: number; readonly lateMs: number };

export function createBudgetKeeper(options: BudgetKeeperOptions): BudgetKeeper {
  const { budgets, spend, crossings, observe, elapsed, log } = options;
  const recorded = new Set<string>();
  let turns = new Map<string, Turn>();
  let forgetMs = Number.NEGATIVE_INFINITY;

  return {
    async round() {
      // What an earlier round or another process could not tell.
      await tellAll();
      const turnsAfter = new Map<string, Turn>();
      for await (const [orgId, owned] of organizations())
        turnsAfter.set(orgId, await takeTurn(orgId, owned));
      // Organisations without budgets are forgotten.
      turns = turnsAfter;
      if (elapsed() >= forgetMs) {
        await crossings.forget(new Date(options.now() - CROSSINGS_KEPT_MS));
        forgetMs = elapsed() + FORGET_EVERY_MS;
      }
    },
  };

  async function* organizations(): AsyncGenerator<[string, Budget[]]> {
    let orgId = "";
    let owned: Budget[] = [];
    for (let after: BudgetKey | undefined; ;) {
      const page = await budgets.all(after, PAGE);
      for (const next of page) {
        if (next.orgId !== orgId && owned.length > 0) {
          yield [orgId, owned];
          owned = [];
        }
        orgId = next.orgId;
        owned.push(next.budget);
      }
      const last = page.at(-1);
      if (!last || page.length < PAGE) break;
      after = { orgId: last.orgId, id: last.budget.id };
    }
    if (owned.length > 0) yield [orgId, owned];
  }

  async function takeTurn(orgId: string, owned: readonly Budget[]): Promise<Turn> {
    const beganMs = elapsed();
    const turn = turns.get(orgId) ?? { currentMs: beganMs, lateMs: beganMs };
    if (beganMs < turn.currentMs) return turn;
    const late = beganMs >= turn.lateMs;
    try {
      if (await lookAt(orgId, owned, late)) await tellAll();
      observe.evaluated("ok");
    } catch (error) {
      // The budgets of others are looked at all the same.
      observe.evaluated("failed");
      log.warn({ err: error, orgId }, "budgets could not be looked at; they will be again");
      return turn;
    }
    const endedMs = elapsed();
    return {
      currentMs: endedMs + (endedMs - beganMs) / SHARE,
      lateMs: late ? endedMs + LATE_EVERY_MS : turn.lateMs,
    };
  }

  /** True when a threshold was reached that was not known. */
  async function lookAt(orgId: string, owned: readonly Budget[], late: boolean): Promise<boolean> {
    const nowMs = options.now();
    const timeZone = await options.timeZones.of(orgId);
    let news = false;
    for (const [period, group] of Map.groupBy(owned, (budget) => budget.period)) {
      const span = periodContaining(period, timeZone, nowMs);
      news = (await lookAtSpan(orgId, group, span)) || news;
      if (!late || nowMs - span.startMs >= LATE_MS) continue;
      const ended = periodBefore(period, timeZone, span);
      // What was spent before there was a budget reaches nothing.
      const then = group.filter(({ createTime }) => createTime.getTime() < ended.endMs);
      news = (await lookAtSpan(orgId, then, ended)) || news;
    }
    return news;
  }

  async function lookAtSpan(
    orgId: string,
    group: readonly Budget[],
    span: PeriodSpan,
  ): Promise<boolean> {
    const open = group.filter((budget) =>
      budget.alertThresholds.some((threshold) => !recorded.has(idOf(budget, span, threshold))),
    );
    if (open.length === 0) return false;
    const spends = await spend.spends(orgId, span, open);
    let news = false;
    for (const [index, budget] of open.entries()) {
      const spent = spends[index] ?? 0n;
      for (const threshold of reachedThresholds(budget, spent)) {
        const id = idOf(budget, span, threshold);
        if (recorded.has(id)) continue;
        const event = eventOf(orgId, budget, { id, span, threshold, spent });
        if (await crossings.record(orgId, event)) {
          observe.reached();
          news = true;
        }
        if (recorded.size >= REMEMBERED_MAX) recorded.clear();
        recorded.add(id);
      }
    }
    return news;
  }

  function eventOf(
    orgId: string,
    budget: Budget,
    crossing: { id: string; span: PeriodSpan; threshold: number; spent: bigint },
  ): BudgetThresholdReached {
    return {
      id: crossing.id,
      kind: "budget_threshold_reached",
      orgId,
      budgetId: budget.id,
      budget: budget.name,
      threshold: crossing.threshold,
      amountUsdMicros: String(budget.amountUsdMicros),
      spentUsdMicros: String(crossing.spent),
      periodStart: new Date(crossing.span.startMs).toISOString(),
      periodEnd: new Date(crossing.span.endMs).toISOString(),
      time: new Date(options.now()).toISOString(),
    };
  }

  /** Tells what is untold. What cannot be told now is told by a later round, and is in the way of nothing. */
  async function tellAll(): Promise<void> {
    try {
      for (;;) {
        const events = await crossings.untold(UNTOLD_BATCH);
        for (const event of events) {
          await options.tell(event);
          await crossings.markTold(event.orgId, event, new Date(options.now()));
        }
        if (events.length < UNTOLD_BATCH) return;
      }
    } catch (error) {
      log.warn({ err: error }, "thresholds of budgets are not told yet; they will be");
    }
  }
}

function idOf(budget: Budget, span: PeriodSpan, threshold: number): string {
  return `${budget.id}/${new Date(span.startMs).toISOString()}/${threshold}`;
}
