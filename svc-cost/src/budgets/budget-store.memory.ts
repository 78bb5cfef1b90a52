/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { ChangeStamp, PendingChange } from "@gatewayops/platform/changes/change-store";
import { BUDGETS_MAX, type Budget, type OwnedBudget } from "./budget.ts";
import { changeOfBudgets } from "./budget-change.ts";
import { nameTaken, tooManyBudgets, type BudgetKey, type BudgetStore } from "./budget-store.ts";

type Row = { readonly orgId: string; budget: Budget; deleted: boolean };

/** Keeps budgets in memory, and puts changes into the map. */
export function createMemoryBudgetStore(
  changes: Map<string, PendingChange>,
  budgetsMax = BUDGETS_MAX,
): BudgetStore {
  const rows = new Map<string, Row>();
  return {
    async create(orgId, fresh, stamp) {
      const others = liveOf(orgId);
      refuseTaken(others, fresh);
      if (others.length >= budgetsMax) throw tooManyBudgets(budgetsMax);
      const budget = { ...fresh, createTime: stamp.time, updateTime: stamp.time };
      rows.set(budget.id, { orgId, budget, deleted: false });
      return { budget, change: changed(orgId, stamp) };
    },
    async get(orgId, id) {
      return liveOf(orgId).find((budget) => budget.id === id);
    },
    async list(orgId, { after, limit }) {
      return liveOf(orgId)
        .filter(({ name }) => after === undefined || bytes(name, after) > 0)
        .sort((a, b) => bytes(a.name, b.name))
        .slice(0, limit);
    },
    async update(orgId, id, settings, stamp) {
      const row = rows.get(id);
      if (row?.orgId !== orgId || row.deleted) return undefined;
      refuseTaken(liveOf(orgId), { id, name: settings.name });
      row.budget = { ...row.budget, ...settings, updateTime: stamp.time };
      return { budget: row.budget, change: changed(orgId, stamp) };
    },
    async delete(orgId, id, stamp) {
      const row = rows.get(id);
      if (row?.orgId !== orgId) return undefined;
      row.deleted = true;
      return changed(orgId, stamp);
    },
    async book(orgId) {
      return liveOf(orgId).sort((a, b) => bytes(a.id, b.id));
    },
    async all(after, limit) {
      return walk(after, limit, () => true);
    },
    async enforced(after, limit) {
      return walk(after, limit, ({ enforceLimit }) => enforceLimit);
    },
  };

  function liveOf(orgId: string): Budget[] {
    return [...rows.values()]
      .filter((row) => row.orgId === orgId && !row.deleted)
      .map(({ budget }) => budget);
  }

  function walk(
    after: BudgetKey | undefined,
    limit: number,
    fits: (budget: Budget) => boolean,
  ): OwnedBudget[] {
    const keyOf = (key: BudgetKey): string => `${key.orgId} ${key.id}`;
    return [...rows.values()]
      .filter(({ deleted, budget }) => !deleted && fits(budget))
      .map(({ orgId, budget }) => ({ orgId, budget, key: keyOf({ orgId, id: budget.id }) }))
      .filter(({ key }) => !after || key > keyOf(after))
      .sort((a, b) => bytes(a.key, b.key))
      .slice(0, limit)
      .map(({ orgId, budget }) => ({ orgId, budget }));
  }

  function changed(orgId: string, stamp: ChangeStamp): PendingChange {
    const change = changeOfBudgets(orgId, stamp);
    changes.set(change.id, change);
    return change;
  }
}

function refuseTaken(others: readonly Budget[], { id, name }: Pick<Budget, "id" | "name">): void {
  if (others.some((other) => other.id !== id && other.name === name)) throw nameTaken(name);
}

/** Orders texts by their bytes, as COLLATE "C" does. */
function bytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
