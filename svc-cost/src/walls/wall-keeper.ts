import {
  buildBudgetState,
  closeBudgetLog,
  correctBudgetState,
  readBudgetState,
  type BudgetPeriodKey,
  type BudgetState,
  type LedgerPart,
} from "@gatewayops/platform/budgets/budget-state";
import {
  periodAfter,
  periodContaining,
  type PeriodSpan,
} from "@gatewayops/platform/budgets/budget-period";
import { publishInvalidation } from "@gatewayops/platform/invalidation";
import type { Logger } from "@gatewayops/platform/log";
import type { Redis } from "ioredis";
import type { Budget, OwnedBudget } from "../budgets/budget.ts";
import type { BudgetStore } from "../budgets/budget-store.ts";
import type { LogRegistry } from "./log-registry.ts";
import type { SpendByLog, SpendByLogQuery } from "./spend-by-log.ts";

export type WallKeeperOptions = {
  readonly redis: Redis;
  readonly budgets: Pick<BudgetStore, "enforced">;
  /** IANA name of an organisation's time zone. */
  readonly timeZoneOf: (orgId: string) => Promise<string>;
  readonly logs: Pick<LogRegistry, "openLogs" | "lostLogs" | "closedOf">;
  readonly ledger: SpendByLog;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** Keeps what Redis holds of enforced budgets in step with the ledger. */
export type WallKeeper = {
  /**
   * Goes through all enforced budgets once: builds what Redis does not hold, or held before it was started anew; puts
   * what dead workers spent in the place of what they were granted. Two at a time do no harm but for the work.
   *
   * @returns budgets that could not be built yet, because a worker has not reported
   */
  sweep(): Promise<number>;
};

const PAGE = 200;
/** Milliseconds before a period's beginning when its state is built: nobody has spent anything of it, nobody need wait. */
const AHEAD_MS = 60_000;
/** Milliseconds that a period's state outlives it, as the workers have it. */
const KEEP_AFTER_MS = 86_400_000;
/** Milliseconds after the building for which the ledger is asked again, and between two questions. */
const CORRECT_FOR_MS = 30_000;
const CORRECT_EVERY_MS = 3_000;

type Built = { readonly runId: string; readonly builtAt: number; correctedAt: number };

export function createWallKeeper(options: WallKeeperOptions): WallKeeper {
  const { redis, budgets, logs, ledger, now } = options;
  /** Periods that this keeper built, while rows may still reach the ledger that were missing then. */
  const built = new Map<string, Built>();

  return {
    async sweep() {
      const openLogs = new Set(await logs.openLogs(new Date(now())));
      let waiting = 0;
      for (let after: { orgId: string; id: string } | undefined; ;) {
        const page = await budgets.enforced(after, PAGE);
        for (const owned of page) waiting += await sweepBudget(owned, openLogs);
        const last = page.at(-1);
        if (!last || page.length < PAGE) break;
        after = { orgId: last.orgId, id: last.budget.id };
      }
      for (const [id, { builtAt }] of built) if (now() - builtAt > CORRECT_FOR_MS) built.delete(id);
      return waiting;
    },
  };

  async function sweepBudget(
    { orgId, budget }: OwnedBudget,
    openLogs: ReadonlySet<string>,
  ): Promise<number> {
    try {
      const timeZone = await options.timeZoneOf(orgId);
      const current = periodContaining(budget.period, timeZone, now());
      const periods = [current];
      if (current.endMs - now() < AHEAD_MS)
        periods.push(periodAfter(budget.period, timeZone, current));
      let waiting = 0;
      for (const period of periods) {
        const isBuilt = await sweepPeriod(orgId, budget, period, openLogs);
        if (!isBuilt) waiting++;
      }
      return waiting;
    } catch (error) {
      // Of one budget or organisation: the others are kept all the same.
      options.log.warn(
        { err: error, org_id: orgId, budget_id: budget.id },
        "a budget could not be kept",
      );
      return 1;
    }
  }

  /** @returns true when the period's state is built */
  async function sweepPeriod(
    orgId: string,
    budget: Budget,
    period: PeriodSpan,
    openLogs: ReadonlySet<string>,
  ): Promise<boolean> {
    const key = { orgId, budgetId: budget.id, startMs: period.startMs };
    const state = await readBudgetState(redis, key);
    if (!state.isBuilt) return build(key, budget, period, { state, openLogs });
    const closed = await logs.closedOf([...state.countedSince.keys()]);
    if (closed.length > 0) await close(key, budget, period, { state, closed });
    else await correct(key, budget, period, state);
    return true;
  }

  async function build(
    key: BudgetPeriodKey,
    budget: Budget,
    period: PeriodSpan,
    { state, openLogs }: { state: BudgetState; openLogs: ReadonlySet<string> },
  ): Promise<boolean> {
    const { orgId, budgetId } = key;
    const { runId, countedSince } = state;
    const missing = [...openLogs].filter((logId) => !countedSince.has(logId));
    if (missing.length > 0) {
      await publishInvalidation(redis, { kind: "budget_report", orgId, budgetId, ...period });
      return false;
    }
    const part = await ledgerPart(orgId, { subject: budget, period, countedSince });
    const keepMs = period.endMs - now() + KEEP_AFTER_MS;
    if (!(await buildBudgetState(redis, key, { runId, part, keepMs }))) return false;
    built.set(idOf(key), { runId, builtAt: now(), correctedAt: now() });
    options.log.info(
      { org_id: orgId, budget_id: budgetId, logs: countedSince.size },
      "a budget is built from the ledger",
    );
    const lost = await logs.lostLogs(new Date(now()));
    if (lost.length > 0)
      options.log.warn(
        { org_id: orgId, budget_id: budgetId, logs: lost },
        "gateways are lost: what they spent and did not ship is not counted, and the budget may be overspent by it",
      );
    return true;
  }

  /**
   * What the ledger adds to what workers count. Of a log that nobody counts, only when no worker writes it any more: one
   * that began a moment ago counts itself, and is told of by its first question.
   */
  async function ledgerPart(orgId: string, query: SpendByLogQuery): Promise<LedgerPart> {
    const spent = await ledger.uncounted(orgId, query);
    const earlier = new Map([...spent].filter(([logId]) => query.countedSince.has(logId)));
    const others = [...spent.keys()].filter((logId) => !query.countedSince.has(logId));
    const gone = [
      ...(await logs.closedOf(others)),
      ...(await logs.lostLogs(new Date(now()))).filter((logId) => others.includes(logId)),
    ];
    return { base: gone.reduce((sum, logId) => sum + (spent.get(logId) ?? 0n), 0n), earlier };
  }

  async function close(
    key: BudgetPeriodKey,
    budget: Budget,
    period: PeriodSpan,
    { state, closed }: { state: BudgetState; closed: readonly string[] },
  ): Promise<void> {
    const query = { subject: budget, period, logIds: closed };
    const spent = await ledger.ofLogs(key.orgId, query);
    const { runId } = state;
    for (const logId of closed)
      await closeBudgetLog(redis, key, { runId, logId, spent: spent.get(logId) ?? 0n });
  }

  async function correct(
    key: BudgetPeriodKey,
    budget: Budget,
    period: PeriodSpan,
    state: BudgetState,
  ): Promise<void> {
    const known = built.get(idOf(key));
    if (known?.runId !== state.runId || now() - known.correctedAt < CORRECT_EVERY_MS) return;
    known.correctedAt = now();
    const query = { subject: budget, period, countedSince: state.countedSince };
    const part = await ledgerPart(key.orgId, query);
    await correctBudgetState(redis, key, { runId: state.runId, part });
  }
}

function idOf({ budgetId, startMs }: BudgetPeriodKey): string {
  return `${budgetId} ${startMs}`;
}
