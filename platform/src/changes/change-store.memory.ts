/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { ChangeStore, PendingChange } from "./change-store.ts";

/** Keeps changes by their id in a map that the stores of what is changed add to. */
export function createMemoryChangeStore<Change extends PendingChange>(
  changes: Map<string, Change>,
): ChangeStore<Change> {
  return {
    async pending(before, limit) {
      return [...changes.values()]
        .filter((change) => change.createTime < before)
        .sort((a, b) => a.createTime.getTime() - b.createTime.getTime())
        .slice(0, limit);
    },
    async remove(orgId, changeId) {
      if (changes.get(changeId)?.orgId === orgId) changes.delete(changeId);
    },
  };
}
