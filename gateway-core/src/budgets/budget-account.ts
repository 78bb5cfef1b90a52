import { setTimeout as delay } from "node:timers/promises";
import type { Redis } from "ioredis";
import {
  askGrant,
  type BudgetPeriodKey,
  type GrantAnswer,
} from "@gatewayops/platform/budgets/budget-state";
import { withDeadline } from "../control/deadline.ts";

export type BudgetAccountOptions = {
  readonly redis: Redis;
  /** Id of this worker's write-ahead log. */
  readonly logId: string;
  readonly key: BudgetPeriodKey;
  /** End of the period, milliseconds since 1970. */
  readonly endMs: number;
  /** Resolves when svc-cost knows of this worker's log: what it spends is found again, whatever dies. */
  readonly known: () => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
};

/** What a call reserves. */
export type Reserving = {
  /** The budget's amount, micro-USD. */
  readonly limit: bigint;
  /** Most that the call can cost, micro-USD. */
  readonly amount: bigint;
  /** When the call began, milliseconds since 1970, as its record says. */
  readonly startMs: number;
};

/** What asking for a reservation came to. */
export type ReserveVerdict = "reserved" | "exceeded" | "undecided";

/**
 * Milliseconds that a grant may be spent without another word of Redis: less than svc-cost waits for a worker to report
 * what it keeps of a budget that is built anew.
 */
const GRANT_TTL_MS = 30_000;
/** Milliseconds after which a grant that nobody uses is given back. */
const IDLE_MS = 1_000;
/** Grants are given back more often when less than this part of the budget is left: others may need them. */
const SCARCE_PART = 8n;
/** Milliseconds for one answer of Redis. */
const REDIS_DEADLINE_MS = 250;
/** Milliseconds that svc-cost has to take note of this worker's log, once. */
const KNOWN_DEADLINE_MS = 2_000;
/** Milliseconds that a call waits for a budget that is being built, and between two looks. */
const BUILD_WAIT_MS = 3_000;
const BUILD_LOOK_MS = 50;
/** Milliseconds for which Redis is not asked again when it did not answer. */
const AWAY_MS = 250;
/** Milliseconds within which a grant that is used up is followed by a larger one. */
const FAST_MS = 100;
/** Calls' worth of a grant below which more is asked for ahead, and that is asked for at once. */
const AHEAD_CALLS = 4n;
const WANT_MIN_CALLS = 8n;
const WANT_MAX_CALLS = 4_096n;
/** Milliseconds that a period's state outlives it, for calls that end late and for the ledger. */
const KEEP_AFTER_MS = 86_400_000;

/**
 * What one worker has spent and may spend of a budget in one period, in micro-USD. It reserves from what Redis granted
 * it; where little is left Redis is asked for each call. The sum of all workers' grants never passes the budget.
 */
export class BudgetAccount {
  readonly key: BudgetPeriodKey;
  readonly endMs: number;
  /** Micro-USD that nobody has been granted, as far as is known. */
  left = 0n;
  readonly #options: BudgetAccountOptions;
  /** Since when it counts: its making, or the beginning of a call it counts that began before. Milliseconds since 1970. */
  #sinceMs: number;
  #limit: bigint;
  #settled = 0n;
  #reserved = 0n;
  #granted = 0n;
  #isNear = false;
  /** When Redis last answered. */
  #confirmedAt = Number.NEGATIVE_INFINITY;
  #lastUsedAt = Number.NEGATIVE_INFINITY;
  #awayUntil = 0;
  #wantCalls = WANT_MIN_CALLS;
  #asking: Promise<GrantAnswer | undefined> | undefined;
  /** Micro-USD that calls under way in `reserveLater` need. */
  #wanted = 0n;

  constructor(options: BudgetAccountOptions, limit: bigint) {
    this.#options = options;
    this.#limit = limit;
    this.key = options.key;
    this.endMs = options.endMs;
    this.#sinceMs = options.now();
  }

  /** Micro-USD spent and reserved by this worker. */
  get consumed(): bigint {
    return this.#settled + this.#reserved;
  }

  /** True when neither a call nor a grant stands open. */
  get isIdle(): boolean {
    return this.#reserved === 0n && this.#granted <= this.consumed && !this.#asking;
  }

  /** Reserves when what was granted suffices. False: ask `reserveLater`. */
  reserveNow({ limit, amount, startMs }: Reserving): boolean {
    const now = this.#options.now();
    this.#limit = limit;
    this.#countFrom(startMs);
    this.#lastUsedAt = now;
    if (now - this.#confirmedAt > GRANT_TTL_MS || this.#granted - this.consumed < amount)
      return false;
    this.#reserved += amount;
    this.#askAhead(now, amount);
    return true;
  }

  /** Reserves, asking Redis. */
  async reserveLater(reserving: Reserving): Promise<ReserveVerdict> {
    const { limit, amount } = reserving;
    this.#limit = limit;
    this.#countFrom(reserving.startMs);
    this.#wanted += amount;
    try {
      const endOfWait = this.#options.now() + BUILD_WAIT_MS;
      for (;;) {
        const answer = await this.#obtain(amount);
        if (answer === "granted" && this.reserveNow(reserving)) return "reserved";
        if (answer === "exceeded") return "exceeded";
        if (answer === "away" || this.#options.now() >= endOfWait) return "undecided";
        if (answer === "unbuilt") await delay(BUILD_LOOK_MS);
      }
    } finally {
      this.#wanted -= amount;
    }
  }

  /** Reserves though it is not known whether it may: the budget allows that. */
  reserveAnyway({ amount, startMs }: Reserving): void {
    this.#countFrom(startMs);
    this.#reserved += amount;
  }

  /** Ends a reservation with what was spent, at most the amount reserved. */
  settle(amount: bigint, spent: bigint): void {
    this.#reserved -= amount;
    this.#settled += spent;
    // Where little is left others wait for what was not spent.
    if (this.#isNear && spent < amount) this.#giveBack();
  }

  /** Called now and then: gives back what is not used. */
  tick(): void {
    const now = this.#options.now();
    if (this.#free <= 0n || now < this.#awayUntil) return;
    if (now - this.#lastUsedAt > IDLE_MS || this.left * SCARCE_PART < this.#limit) this.#giveBack();
  }

  /** Tells Redis what is kept of a budget that is being built. */
  async report(): Promise<void> {
    await this.#asking;
    await this.#askOnce(0n);
  }

  /** A call that is counted here must not be taken for one of before: the ledger tells them apart by their beginning. */
  #countFrom(startMs: number): void {
    if (startMs < this.#sinceMs) this.#sinceMs = startMs;
  }

  #giveBack(): void {
    if (this.#asking) return;
    // Frozen before it is told: nothing may be reserved of what is being given back.
    this.#granted = this.consumed;
    void this.#askOnce(0n);
  }

  #askAhead(now: number, amount: bigint): void {
    if (this.#asking || this.#isNear || now < this.#awayUntil) return;
    const isOld = now - this.#confirmedAt > GRANT_TTL_MS / 2;
    if (isOld || this.#free < amount * AHEAD_CALLS) void this.#askOnce(amount);
  }

  /** Asks Redis for an amount, after whoever does already. */
  async #obtain(amount: bigint): Promise<"granted" | "exceeded" | "unbuilt" | "away"> {
    while (this.#asking) {
      await this.#asking;
      if (this.#free >= amount) return "granted";
    }
    if (this.#options.now() < this.#awayUntil) return "away";
    const answer = await this.#askOnce(amount);
    if (!answer) return "away";
    if (!answer.isBuilt) return "unbuilt";
    return this.#free >= amount ? "granted" : "exceeded";
  }

  get #free(): bigint {
    return this.#granted - this.consumed;
  }

  #askOnce(amount: bigint): Promise<GrantAnswer | undefined> {
    this.#asking ??= this.#ask(amount).finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** @returns undefined when there was no answer */
  async #ask(amount: bigint): Promise<GrantAnswer | undefined> {
    const { redis, logId, key, known, now } = this.#options;
    try {
      await withDeadline(known(), KNOWN_DEADLINE_MS, "svc-cost");
      const asked = now();
      const keep = this.#granted > this.consumed ? this.#granted : this.consumed;
      const missing = this.consumed + amount - keep;
      const request = askGrant(redis, key, {
        logId,
        keep,
        sinceUs: Math.floor(this.#sinceMs * 1000),
        // Of a grant that is only refreshed nothing need be added.
        need: amount === 0n ? 0n : missing > 0n ? missing : 1n,
        want: (this.#wanted > amount ? this.#wanted : amount) * this.#wantCalls,
        limit: this.#limit,
        keepMs: this.endMs - asked + KEEP_AFTER_MS,
      });
      const answer = await withDeadline(request, REDIS_DEADLINE_MS, "Redis");
      if (answer.isBuilt) this.#take(answer, asked);
      return answer;
    } catch {
      // Undecided: the budget's own setting says what becomes of the call, and the call's record says so.
      this.#awayUntil = now() + AWAY_MS;
      return undefined;
    }
  }

  #take({ granted, left, isNear }: GrantAnswer, asked: number): void {
    const more = asked - this.#confirmedAt < FAST_MS ? this.#wantCalls * 2n : this.#wantCalls / 2n;
    this.#wantCalls =
      more < WANT_MIN_CALLS ? WANT_MIN_CALLS : more > WANT_MAX_CALLS ? WANT_MAX_CALLS : more;
    this.#granted = granted;
    this.#isNear = isNear;
    this.left = left;
    // Not of its arrival: Redis may have been started anew since.
    this.#confirmedAt = asked;
  }
}
