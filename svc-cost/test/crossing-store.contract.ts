import { describe, expect, it } from "@jest/globals";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import type { BudgetThresholdReached } from "@gatewayops/platform/streams/admin-events";
import type { CrossingStore } from "../src/budgets/crossing-store.ts";

const newId = (): string => uuidToText(uuidV7(Date.now()));
const TIME = new Date("2026-11-25T12:00:00.000Z");

function anEvent(more: Partial<BudgetThresholdReached> = {}): BudgetThresholdReached {
  const event = {
    kind: "budget_threshold_reached" as const,
    orgId: newId(),
    budgetId: newId(),
    budget: "Tools",
    threshold: 80,
    amountUsdMicros: "99999999990000",
    spentUsdMicros: "80000000000000",
    periodStart: "2026-11-24T23:00:00.000Z",
    periodEnd: "2026-11-25T23:00:00.000Z",
    time: TIME.toISOString(),
    ...more,
  };
  return { id: `${event.budgetId}/${event.periodStart}/${event.threshold}`, ...event };
}

/** What every store of crossings does. */
export function describeCrossingStore(name: string, open: () => CrossingStore): void {
  describe(`CrossingStore, ${name}`, () => {
    const idsOf = (events: readonly BudgetThresholdReached[]) => events.map(({ id }) => id);

    it("records a threshold once for a budget and period, however often it is reached", async () => {
      const crossings = open();
      const event = anEvent();
      const again = anEvent({ ...event, spentUsdMicros: "90000000000000", budget: "Renamed" });
      const made = await Promise.all(
        [event, again, again, again].map((each) => crossings.record(event.orgId, each)),
      );
      expect(made.filter(Boolean)).toHaveLength(1);
      const { orgId, budgetId } = event;
      const others = [
        anEvent({ orgId, budgetId, threshold: 100 }),
        anEvent({ orgId, budgetId, periodStart: "2026-11-25T23:00:00.000Z" }),
        anEvent({ orgId }),
      ];
      for (const other of others) expect(await crossings.record(orgId, other)).toBe(true);
    });

    it("gives what is untold as it was recorded, oldest period first, until it is told", async () => {
      const crossings = open();
      const [late, early] = [anEvent(), anEvent({ periodStart: "2026-11-01T00:00:00.000Z" })];
      await crossings.record(late.orgId, late);
      await crossings.record(early.orgId, early);
      const ours = async () =>
        (await crossings.untold(1_000)).filter(({ id }) => id === late.id || id === early.id);
      expect(await ours()).toEqual([early, late]);
      // Another organisation's word counts for nothing.
      await crossings.markTold(newId(), early, TIME);
      expect(idsOf(await ours())).toEqual([early.id, late.id]);
      await crossings.markTold(early.orgId, early, TIME);
      expect(idsOf(await ours())).toEqual([late.id]);
      expect(await crossings.record(early.orgId, early)).toBe(false);
    });

    it("forgets old ones that were told, and no others", async () => {
      const crossings = open();
      const periodStart = "2026-01-01T00:00:00.000Z";
      const [told, untold, young] = [anEvent({ periodStart }), anEvent({ periodStart }), anEvent()];
      for (const event of [told, untold, young]) await crossings.record(event.orgId, event);
      for (const event of [told, young]) await crossings.markTold(event.orgId, event, TIME);
      await crossings.forget(new Date("2026-01-02T00:00:00.000Z"));
      const fresh = [];
      for (const event of [told, untold, young])
        fresh.push(await crossings.record(event.orgId, event));
      expect(fresh).toEqual([true, false, false]);
    });
  });
}
