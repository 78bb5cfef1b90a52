import type { Redis } from "ioredis";
import { readSpent, type SpentFigures } from "@gatewayops/platform/budgets/spent-figures";
import type { PeriodSpan } from "@gatewayops/platform/budgets/budget-period";
import type { Logger } from "@gatewayops/platform/log";
import { withDeadline } from "../control/deadline.ts";
import { BudgetAccount } from "./budget-account.ts";
import type { BudgetSpec } from "./budget-book.ts";

export type BudgetsOptions = {
  readonly redis: Redis;
  /** Id of this worker's write-ahead log. */
  readonly logId: string;
  /** Tells svc-cost of the log. */
  readonly openLog: () => Promise<unknown>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** Milliseconds between looks at what is granted and not used, and at what observed budgets have spent. */
const TICK_MS = 250;
const OBSERVE_MS = 1_000;
/** Milliseconds for which an organisation's figures are read after its last call. */
const OBSERVED_FOR_MS = 60_000;
const REDIS_DEADLINE_MS = 250;
/** Milliseconds that a period's account is kept after its end: calls may run that long. */
const KEEP_MS = 3_600_000;

const NO_FIGURES: SpentFigures = new Map();

/** What this worker has spent of budgets: an account for each period of an enforced one, figures of observed ones. */
export class Budgets {
  readonly #options: BudgetsOptions;
  readonly #accounts = new Map<string, BudgetAccount>();
  readonly #observed = new Map<string, { figures: SpentFigures; usedAt: number; readAt: number }>();
  #known: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: BudgetsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#tick();
    }, TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Accounts that are kept. */
  get size(): number {
    return this.#accounts.size;
  }

  /** The account of a budget's period that contains a time. */
  account(spec: BudgetSpec, timeMs: number): BudgetAccount {
    const period = spec.periodAt(timeMs);
    return this.#accountOf({ orgId: spec.orgId, budgetId: spec.id }, period, spec.limit);
  }

  /** Micro-USD that are spent of an observed budget in the period that contains a time, as of a second or two ago. */
  spentOf(spec: BudgetSpec, timeMs: number): bigint {
    const now = this.#options.now();
    const org = this.#observed.get(spec.orgId) ?? { figures: NO_FIGURES, usedAt: now, readAt: 0 };
    org.usedAt = now;
    this.#observed.set(spec.orgId, org);
    const spent = org.figures.get(spec.id);
    return spent?.startMs === spec.periodAt(timeMs).startMs ? spent.usdMicros : 0n;
  }

  /** Tells what is kept of a period that is being built, nothing also. */
  report(key: { orgId: string; budgetId: string; startMs: number; endMs: number }): void {
    this.#accountOf(key, key, 0n)
      .report()
      .catch((error: unknown) => {
        this.#options.log.debug({ err: error }, "a budget's report did not reach Redis");
      });
  }

  #accountOf(
    { orgId, budgetId }: { orgId: string; budgetId: string },
    { startMs, endMs }: PeriodSpan,
    limit: bigint,
  ): BudgetAccount {
    const id = `${budgetId} ${startMs}`;
    const known = this.#accounts.get(id);
    if (known) return known;
    const { redis, logId, now } = this.#options;
    const account = new BudgetAccount(
      {
        ...{ redis, logId, now, endMs },
        key: { orgId, budgetId, startMs },
        known: this.#isKnown,
      },
      limit,
    );
    this.#accounts.set(id, account);
    return account;
  }

  /** Asked anew until svc-cost has answered once. */
  readonly #isKnown = (): Promise<void> => {
    this.#known ??= this.#options.openLog().then(
      () => undefined,
      (error: unknown) => {
        this.#known = undefined;
        throw error;
      },
    );
    return this.#known;
  };

  #tick(): void {
    const now = this.#options.now();
    for (const [id, account] of this.#accounts) {
      account.tick();
      if (now > account.endMs + KEEP_MS && account.isIdle) this.#accounts.delete(id);
    }
    for (const [orgId, org] of this.#observed) {
      if (now - org.usedAt > OBSERVED_FOR_MS) this.#observed.delete(orgId);
      else if (now - org.readAt >= OBSERVE_MS) void this.#observe(orgId, org, now);
    }
  }

  async #observe(
    orgId: string,
    org: { figures: SpentFigures; readAt: number },
    now: number,
  ): Promise<void> {
    org.readAt = now;
    try {
      org.figures = await withDeadline(
        readSpent(this.#options.redis, orgId),
        REDIS_DEADLINE_MS,
        "Redis",
      );
    } catch (error) {
      // The figures of before are good enough to observe by.
      this.#options.log.debug({ err: error }, "what is spent of budgets could not be read");
    }
  }
}
