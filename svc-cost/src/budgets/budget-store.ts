import type { ChangeStamp, PendingChange } from "@gatewayops/platform/changes/change-store";
import { Failure } from "@gatewayops/platform/errors";
import type { Budget, BudgetSettings, BudgetSubject, OwnedBudget } from "./budget.ts";

/** The budgets of organisations. A deleted one is kept for the records that name it, and is not found here. */
export type BudgetStore = {
  /**
   * Adds a budget, made at the stamp's time, and leaves the change to be told.
   *
   * @throws Failure ALREADY_EXISTS when the organisation has one of this name, QUOTA_REACHED when it has as many as it may
   */
  create(orgId: string, fresh: FreshBudget, stamp: ChangeStamp): Promise<ChangedBudget>;
  get(orgId: string, id: string): Promise<Budget | undefined>;
  /** Budgets by name in the order of its bytes, after a name, at most `limit`. */
  list(orgId: string, page: BudgetPage): Promise<readonly Budget[]>;
  /**
   * Replaces the settings of a budget and leaves the change to be told. Undefined: the organisation has none of this id.
   *
   * @throws Failure ALREADY_EXISTS when another of its budgets has the name
   */
  update(
    orgId: string,
    id: string,
    settings: BudgetSettings,
    stamp: ChangeStamp,
  ): Promise<ChangedBudget | undefined>;
  /**
   * Deletes a budget and leaves the change to be told. Undefined: the organisation never had it. A deleted one may be
   * deleted again.
   */
  delete(orgId: string, id: string, stamp: ChangeStamp): Promise<PendingChange | undefined>;
  /** All budgets of an organisation by id: as many as it may have at most. */
  book(orgId: string): Promise<readonly Budget[]>;
  /** Budgets of all organisations by organisation and id, after a key, at most `limit`. */
  all(after: BudgetKey | undefined, limit: number): Promise<readonly OwnedBudget[]>;
  /** The enforced ones among all, in the same order. */
  enforced(after: BudgetKey | undefined, limit: number): Promise<readonly OwnedBudget[]>;
};

export type FreshBudget = BudgetSettings & BudgetSubject & { readonly id: string };

export type ChangedBudget = { readonly budget: Budget; readonly change: PendingChange };

/** Where a walk over the budgets of all organisations goes on. */
export type BudgetKey = { readonly orgId: string; readonly id: string };

/** A page of a list of budgets. */
export type BudgetPage = {
  /** Name of the last budget of the page before. */
  readonly after: string | undefined;
  readonly limit: number;
};

export function nameTaken(name: string): Failure {
  return new Failure("ALREADY_EXISTS", `A budget named ${name} exists. Choose another name.`, {
    details: [{ field: "name", message: "is taken" }],
  });
}

export function tooManyBudgets(budgetsMax: number): Failure {
  return new Failure(
    "QUOTA_REACHED",
    `The organisation has ${budgetsMax} budgets, which is the most there can be. Delete one first.`,
  );
}
