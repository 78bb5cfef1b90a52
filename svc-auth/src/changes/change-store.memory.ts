/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { MemoryTables } from "../memory-tables.ts";
import type { ChangeStore } from "./change-store.ts";

export function createMemoryChangeStore(tables: MemoryTables): ChangeStore {
  return {
    async pending(before, limit) {
      return [...tables.changes.values()]
        .filter((change) => change.createTime < before)
        .sort((a, b) => a.createTime.getTime() - b.createTime.getTime())
        .slice(0, limit);
    },
    async remove(orgId, changeId) {
      if (tables.changes.get(changeId)?.orgId === orgId) tables.changes.delete(changeId);
    },
  };
}
