import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import { usdFromMicros } from "@gatewayops/platform/rpc/rest-json";
import type { BudgetAccount } from "../budgets/budget-account.ts";
import type { BudgetBook, BudgetSpec } from "../budgets/budget-book.ts";
import type { Budgets } from "../budgets/budgets.ts";
import type { Principal } from "../control/principal.ts";
import { EMPTY } from "../events/record.ts";
import type { Upstream } from "../upstream/upstream.ts";

// Posture: the budget's own. While it cannot be decided whether an enforced budget holds the call, because Redis or
// svc-cost is away, the call is refused, or passes where the budget says so: then the record says "degraded".

/** What the stage came to. */
export type BudgetVerdict = {
  readonly outcome: StageOutcome;
  /** Set when the call is refused. */
  readonly failure: Failure | undefined;
  /** Budget that refused the call, or would have if it were enforced, 16 bytes; EMPTY for none. */
  readonly budgetId: Buffer;
  /** What is reserved. */
  readonly reservation: Reservation | undefined;
};

export type BudgetedCall = {
  readonly principal: Principal;
  readonly upstream: Pick<Upstream, "idText">;
  /** Most that it can cost, micro-USD. */
  readonly maxUsdMicros: bigint;
  /** When its request was read, milliseconds since 1970: the period it counts in. */
  readonly startMs: number;
};

export type BudgetStage = (call: BudgetedCall) => BudgetVerdict | Promise<BudgetVerdict>;

/** The maximum of a call, reserved of every enforced budget it is held to. */
export class Reservation {
  readonly #accounts: BudgetAccount[] = [];
  readonly #amount: bigint;

  constructor(amount: bigint) {
    this.#amount = amount;
  }

  add(account: BudgetAccount): void {
    this.#accounts.push(account);
  }

  /** Ends it with what was spent, micro-USD, at most the maximum. Only the first call counts. */
  settle(spent: bigint): void {
    for (const account of this.#accounts.splice(0)) account.settle(this.#amount, spent);
  }
}

const NOT_CONFIGURED: BudgetVerdict = {
  outcome: StageOutcome.NOT_CONFIGURED,
  failure: undefined,
  budgetId: EMPTY,
  reservation: undefined,
};
const PASSED: BudgetVerdict = { ...NOT_CONFIGURED, outcome: StageOutcome.PASSED };

/** Holds calls to the budgets of their organisation. Synchronous while what is granted to this worker suffices. */
export function createBudgetStage(
  budgets: Budgets,
  bookOf: (orgId: string) => BudgetBook | Promise<BudgetBook>,
): BudgetStage {
  return (call) => {
    const book = bookOf(call.principal.orgIdText);
    return book instanceof Promise
      ? book.then((found) => decide(budgets, found, call))
      : decide(budgets, book, call);
  };
}

function decide(
  budgets: Budgets,
  book: BudgetBook,
  { principal, upstream, maxUsdMicros, startMs }: BudgetedCall,
): BudgetVerdict | Promise<BudgetVerdict> {
  if (book.isEmpty) return NOT_CONFIGURED;
  const specs = book.budgetsOf(principal, upstream.idText);
  if (specs.length === 0) return NOT_CONFIGURED;
  // What costs nothing spends nothing.
  if (maxUsdMicros === 0n) return PASSED;
  const reservation = new Reservation(maxUsdMicros);
  let observed: BudgetSpec | undefined;
  for (const [index, spec] of specs.entries()) {
    if (!spec.isEnforced) {
      if (budgets.spentOf(spec, startMs) + maxUsdMicros > spec.limit) observed ??= spec;
      continue;
    }
    const account = budgets.account(spec, startMs);
    if (!account.reserveNow({ limit: spec.limit, amount: maxUsdMicros, startMs }))
      return decideLater({ budgets, specs, maxUsdMicros, startMs, reservation, observed }, index);
    reservation.add(account);
  }
  return verdictOf(reservation, observed, false);
}

/** Goes on from the first budget of which too little is granted here. */
async function decideLater(
  decision: {
    readonly budgets: Budgets;
    readonly specs: readonly BudgetSpec[];
    readonly maxUsdMicros: bigint;
    readonly startMs: number;
    readonly reservation: Reservation;
    observed: BudgetSpec | undefined;
  },
  from: number,
): Promise<BudgetVerdict> {
  const { budgets, maxUsdMicros, startMs, reservation } = decision;
  let isDegraded = false;
  for (const spec of decision.specs.slice(from)) {
    if (!spec.isEnforced) {
      if (budgets.spentOf(spec, startMs) + maxUsdMicros > spec.limit) decision.observed ??= spec;
      continue;
    }
    const account = budgets.account(spec, startMs);
    const reserving = { limit: spec.limit, amount: maxUsdMicros, startMs };
    const verdict = account.reserveNow(reserving)
      ? "reserved"
      : await account.reserveLater(reserving);
    if (verdict === "undecided" && spec.isOpenWhenAway) {
      account.reserveAnyway(reserving);
      isDegraded = true;
    } else if (verdict !== "reserved") {
      reservation.settle(0n);
      return {
        outcome: StageOutcome.REFUSED,
        failure: verdict === "exceeded" ? exceeded(spec, account, maxUsdMicros) : undecided(spec),
        budgetId: spec.idBytes,
        reservation: undefined,
      };
    }
    reservation.add(account);
  }
  return verdictOf(reservation, decision.observed, isDegraded);
}

function verdictOf(
  reservation: Reservation,
  observed: BudgetSpec | undefined,
  isDegraded: boolean,
): BudgetVerdict {
  const outcome = isDegraded
    ? StageOutcome.DEGRADED
    : observed
      ? StageOutcome.OBSERVED
      : StageOutcome.PASSED;
  return { outcome, failure: undefined, budgetId: observed?.idBytes ?? EMPTY, reservation };
}

function exceeded(spec: BudgetSpec, { left, endMs }: BudgetAccount, amount: bigint): Failure {
  const kept = left > 0n ? left : 0n;
  return new Failure(
    "BUDGET_EXCEEDED",
    `The ${spec.period} budget ${JSON.stringify(spec.name)} of ${usdFromMicros(spec.limit)} USD has ${usdFromMicros(kept)} USD left until ` +
      `${new Date(endMs).toISOString()}, and this call may cost ${usdFromMicros(amount)} USD. Do not try again before that: ask who keeps the budget.`,
  );
}

function undecided(spec: BudgetSpec): Failure {
  return new Failure(
    "BUDGET_UNAVAILABLE",
    `It cannot be decided now whether the budget ${JSON.stringify(spec.name)} allows this call. Try again shortly.`,
    { retryAfterMs: 2_000 },
  );
}
