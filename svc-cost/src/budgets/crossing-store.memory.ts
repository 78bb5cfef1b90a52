/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { BudgetThresholdReached } from "@gatewayops/platform/streams/admin-events";
import type { CrossingStore } from "./crossing-store.ts";

export function createMemoryCrossingStore(): CrossingStore {
  const rows = new Map<string, { readonly event: BudgetThresholdReached; told: boolean }>();
  return {
    async record(_orgId, event) {
      if (rows.has(event.id)) return false;
      rows.set(event.id, { event, told: false });
      return true;
    },
    async untold(limit) {
      return [...rows.values()]
        .filter(({ told }) => !told)
        .map(({ event }) => event)
        .sort((a, b) => Date.parse(a.periodStart) - Date.parse(b.periodStart))
        .slice(0, limit);
    },
    async markTold(orgId, { id }) {
      const row = rows.get(id);
      if (row?.event.orgId === orgId) row.told = true;
    },
    async forget(before) {
      for (const [id, { event, told }] of rows)
        if (told && Date.parse(event.periodStart) < before.getTime()) rows.delete(id);
    },
  };
}
