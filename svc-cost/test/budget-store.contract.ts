import { describe, expect, it } from "@jest/globals";
import type { ChangeStore } from "@gatewayops/platform/changes/change-store";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import type { BudgetKey, BudgetStore, FreshBudget } from "../src/budgets/budget-store.ts";

const newId = (): string => uuidToText(uuidV7(Date.now()));
const TIME = new Date("2026-03-04T05:06:07.089Z");
const LATER = new Date("2026-03-05T05:06:07.089Z");
const stamp = (time = TIME) => ({ changeId: newId(), time });

function aBudget(name: string, more: Partial<FreshBudget> = {}): FreshBudget {
  return {
    id: newId(),
    name,
    scopeType: "org",
    scopeId: undefined,
    period: "monthly",
    amountUsdMicros: 99_999_999_990_000n,
    alertThresholds: [50, 80, 100],
    enforceLimit: true,
    onUnavailable: "refuse",
    ...more,
  };
}

/** What every store of budgets does. */
export function describeBudgetStore(
  name: string,
  open: (budgetsMax?: number) => { readonly budgets: BudgetStore; readonly changes: ChangeStore },
): void {
  describe(`BudgetStore, ${name}`, () => {
    it("gives what was put in, to its organisation alone", async () => {
      const { budgets } = open();
      const [org, other] = [newId(), newId()];
      const scope = { scopeType: "team", scopeId: newId(), period: "weekly" } as const;
      const fresh = aBudget("Tools", { ...scope, alertThresholds: [], onUnavailable: "allow" });
      const { budget } = await budgets.create(org, fresh, stamp());
      expect(budget).toEqual({ ...fresh, createTime: TIME, updateTime: TIME });
      expect(await budgets.get(org, fresh.id)).toEqual(budget);
      expect(await budgets.get(other, fresh.id)).toBeUndefined();
      expect(await budgets.book(other)).toEqual([]);
    });

    it("refuses a name that the organisation has, at creation and update, but not another's", async () => {
      const { budgets } = open();
      const [org, other] = [newId(), newId()];
      const first = await budgets.create(org, aBudget("A"), stamp());
      const second = await budgets.create(org, aBudget("B"), stamp());
      const taken = { reason: "ALREADY_EXISTS" };
      await expect(budgets.create(org, aBudget("A"), stamp())).rejects.toMatchObject(taken);
      await expect(
        budgets.update(org, second.budget.id, aBudget("A"), stamp()),
      ).rejects.toMatchObject(taken);
      await budgets.create(org, aBudget("a"), stamp());
      await budgets.create(other, aBudget("A"), stamp());
      await budgets.delete(org, first.budget.id, stamp());
      await budgets.create(org, aBudget("A"), stamp());
    });

    it("makes one of many budgets of a name that come at once", async () => {
      const { budgets } = open();
      const org = newId();
      const made = await Promise.allSettled(
        Array.from({ length: 8 }, () => budgets.create(org, aBudget("A"), stamp())),
      );
      expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect(await budgets.book(org)).toHaveLength(1);
    });

    it("replaces settings, and leaves scope, period and creation as they are", async () => {
      const { budgets } = open();
      const org = newId();
      const { budget } = await budgets.create(org, aBudget("A"), stamp());
      const settings = {
        name: "Z",
        amountUsdMicros: 1n,
        alertThresholds: [10],
        enforceLimit: false,
        onUnavailable: "allow",
      } as const;
      const changed = await budgets.update(org, budget.id, settings, stamp(LATER));
      expect(changed?.budget).toEqual({ ...budget, ...settings, updateTime: LATER });
      expect(await budgets.get(org, budget.id)).toEqual(changed?.budget);
      expect(await budgets.update(newId(), budget.id, settings, stamp())).toBeUndefined();
    });

    it("deletes as often as asked, but never another organisation's", async () => {
      const { budgets } = open();
      const org = newId();
      const { budget } = await budgets.create(org, aBudget("A"), stamp());
      expect(await budgets.delete(newId(), budget.id, stamp())).toBeUndefined();
      expect(await budgets.get(org, budget.id)).toEqual(budget);
      expect(await budgets.delete(org, budget.id, stamp())).toBeDefined();
      expect(await budgets.delete(org, budget.id, stamp())).toBeDefined();
      expect(await budgets.get(org, budget.id)).toBeUndefined();
      expect(await budgets.update(org, budget.id, aBudget("A"), stamp())).toBeUndefined();
      expect(await budgets.list(org, { after: undefined, limit: 10 })).toEqual([]);
    });

    it("pages by name, in the order of its bytes", async () => {
      const { budgets } = open();
      const org = newId();
      const names = ["1", "Zeta", "alpha", "beta"];
      for (const each of [...names].reverse()) await budgets.create(org, aBudget(each), stamp());
      const first = await budgets.list(org, { after: undefined, limit: 3 });
      const rest = await budgets.list(org, { after: first.at(-1)?.name, limit: 3 });
      expect([...first, ...rest].map((budget) => budget.name)).toEqual(names);
    });

    it("holds so many budgets, and no more, until one is deleted", async () => {
      const { budgets } = open(5);
      const org = newId();
      const all = Array.from({ length: 8 }, (_, index) => aBudget(String(index)));
      const made = await Promise.allSettled(all.map((each) => budgets.create(org, each, stamp())));
      expect(made.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
      const more = aBudget("one more");
      await expect(budgets.create(org, more, stamp())).rejects.toMatchObject({
        reason: "QUOTA_REACHED",
      });
      const book = await budgets.book(org);
      const ids = book.map(({ id }) => id);
      expect(ids).toHaveLength(5);
      expect(ids).toEqual([...ids].sort());
      await budgets.delete(org, book[0]?.id ?? "", stamp());
      await budgets.create(org, more, stamp());
    });

    it("walks over the budgets of all organisations, whole or the enforced ones", async () => {
      const { budgets } = open();
      const orgs = [newId(), newId()].sort();
      const made: string[] = [];
      const enforced: string[] = [];
      for (const org of orgs) {
        const fresh = [true, false, true].map((on) => aBudget(newId(), { enforceLimit: on }));
        for (const each of fresh) await budgets.create(org, each, stamp());
        fresh.sort((a, b) => (a.id < b.id ? -1 : 1));
        made.push(...fresh.map(({ id }) => id));
        enforced.push(...fresh.filter((each) => each.enforceLimit).map(({ id }) => id));
      }
      const gone = await budgets.create(orgs[0] ?? "", aBudget("gone"), stamp());
      await budgets.delete(orgs[0] ?? "", gone.budget.id, stamp());
      // Budgets of other tests may lie between.
      const ours = async (walk: BudgetStore["all"]): Promise<string[]> => {
        const ids: string[] = [];
        let after: BudgetKey | undefined;
        for (;;) {
          const page = await walk(after, 2);
          for (const { orgId, budget } of page) if (orgs.includes(orgId)) ids.push(budget.id);
          const last = page.at(-1);
          if (!last) return ids;
          after = { orgId: last.orgId, id: last.budget.id };
        }
      };
      expect(await ours(budgets.all)).toEqual(made);
      expect(await ours(budgets.enforced)).toEqual(enforced);
    });

    it("leaves each change to be told", async () => {
      const { budgets, changes } = open();
      const org = newId();
      const { budget, change: made } = await budgets.create(org, aBudget("A"), stamp());
      const changed = await budgets.update(org, budget.id, aBudget("B"), stamp());
      const deleted = await budgets.delete(org, budget.id, stamp());
      expect(made.invalidation).toEqual({ kind: "budgets", orgId: org });
      const pending = await changes.pending(new Date(TIME.getTime() + 1), 10_000);
      const ids = pending.filter(({ orgId }) => orgId === org).map(({ id }) => id);
      expect(ids.sort()).toEqual([made.id, changed?.change.id, deleted?.id].sort());
    });
  });
}
