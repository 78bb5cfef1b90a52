/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { ChangeStamp, PendingChange } from "@gatewayops/platform/changes/change-store";
import { changeOfPrices } from "./price-change.ts";
import type { PriceRule, PriceStore } from "./price-store.ts";

/** Keeps rules in memory, and puts changes into the map. */
export function createMemoryPriceStore(changes: Map<string, PendingChange>): PriceStore {
  const rows = new Map<string, { orgId: string; rule: PriceRule; ended: boolean }>();
  return {
    async replace(orgId, fresh, stamp) {
      for (const row of rows.values())
        if (row.orgId === orgId && compare(row.rule, fresh) === 0) row.ended = true;
      const rule = { ...fresh, createTime: stamp.time };
      rows.set(rule.id, { orgId, rule, ended: false });
      return { rule, change: changed(orgId, stamp) };
    },
    async list(orgId, { after, limit }) {
      return [...rows.values()]
        .filter((row) => row.orgId === orgId && !row.ended)
        .map((row) => row.rule)
        .filter((rule) => !after || compare(rule, after) > 0)
        .sort(compare)
        .slice(0, limit);
    },
    async end(orgId, id, stamp) {
      const row = rows.get(id);
      if (row?.orgId !== orgId) return undefined;
      row.ended = true;
      return changed(orgId, stamp);
    },
  };

  function changed(orgId: string, stamp: ChangeStamp): PendingChange {
    const change = changeOfPrices(orgId, stamp);
    changes.set(change.id, change);
    return change;
  }
}

/** Orders by server and tool in the order of their bytes, as COLLATE "C" does. */
function compare(a: Pick<PriceRule, "server" | "tool">, b: typeof a): number {
  return bytes(a.server, b.server) || bytes(a.tool, b.tool);
}

function bytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
