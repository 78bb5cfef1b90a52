import {
  BudgetPeriod,
  BudgetPosture,
  BudgetScope,
  type Budget,
  type GetBudgetBookResponse,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { uuidFromText } from "@gatewayops/platform/ids";
import {
  periodContaining,
  type BudgetPeriod as PeriodName,
  type PeriodSpan,
} from "@gatewayops/platform/budgets/budget-period";
import type { Principal } from "../control/principal.ts";
import { EMPTY } from "../events/record.ts";

/** A budget as calls are held to it. */
export type BudgetSpec = {
  readonly id: string;
  readonly idBytes: Buffer;
  readonly orgId: string;
  readonly name: string;
  /** Micro-USD that may be spent in a period. */
  readonly limit: bigint;
  readonly period: PeriodName;
  readonly timeZone: string;
  /** False: it is observed. */
  readonly isEnforced: boolean;
  /** True: calls pass while it cannot be decided. */
  readonly isOpenWhenAway: boolean;
  /** The period that contains a time, milliseconds since 1970. */
  periodAt(timeMs: number): PeriodSpan;
};

/** The budgets of one organisation. */
export type BudgetBook = {
  readonly isEmpty: boolean;
  /** Those that a call of the principal to a server is held to. */
  budgetsOf(principal: BudgetedPrincipal, serverId: string): readonly BudgetSpec[];
  byId(budgetId: string): BudgetSpec | undefined;
};

type BudgetedPrincipal = Pick<Principal, "teamIdText" | "userIdText" | "keyIdText">;

const NONE: readonly BudgetSpec[] = [];
const PERIODS: Readonly<Record<number, PeriodName | undefined>> = {
  [BudgetPeriod.DAILY]: "daily",
  [BudgetPeriod.WEEKLY]: "weekly",
  [BudgetPeriod.MONTHLY]: "monthly",
};

export function createBudgetBook(
  orgId: string,
  { budgets, timeZone }: Pick<GetBudgetBookResponse, "budgets" | "timeZone">,
): BudgetBook {
  const ofAll: BudgetSpec[] = [];
  // Ids are unique among teams, people, keys and servers.
  const byScope = new Map<string, BudgetSpec[]>();
  const byId = new Map<string, BudgetSpec>();
  for (const budget of budgets) {
    const spec = specOf(orgId, budget, timeZone);
    if (!spec) continue;
    byId.set(spec.id, spec);
    if (budget.scopeType === BudgetScope.ORG) ofAll.push(spec);
    else byScope.set(budget.scopeId, [...(byScope.get(budget.scopeId) ?? []), spec]);
  }
  return {
    isEmpty: byId.size === 0,
    byId: (id) => byId.get(id),
    budgetsOf({ teamIdText, userIdText, keyIdText }, serverId) {
      if (byScope.size === 0) return ofAll;
      const scoped = [keyIdText, userIdText, teamIdText, serverId].flatMap(
        (id) => byScope.get(id) ?? NONE,
      );
      return scoped.length === 0 ? ofAll : [...scoped, ...ofAll];
    },
  };
}

function specOf(orgId: string, budget: Budget, timeZone: string): BudgetSpec | undefined {
  const period = PERIODS[budget.period];
  // A newer svc-cost may know more.
  if (period === undefined) return undefined;
  let current: PeriodSpan = { startMs: 0, endMs: 0 };
  return {
    id: budget.id,
    idBytes: uuidFromText(budget.id) ?? EMPTY,
    orgId,
    name: budget.name,
    limit: budget.amountUsdMicros,
    period,
    timeZone,
    isEnforced: budget.enforceLimit,
    isOpenWhenAway: budget.onUnavailable === BudgetPosture.ALLOW,
    periodAt(timeMs) {
      if (timeMs < current.startMs || timeMs >= current.endMs)
        current = periodContaining(period, timeZone, timeMs);
      return current;
    },
  };
}
