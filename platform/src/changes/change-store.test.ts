import { describeChangeStore } from "../../test/change-store.contract.ts";
import { createMemoryChangeStore } from "./change-store.memory.ts";
import type { PendingChange } from "./change-store.ts";

describeChangeStore(
  "memory",
  () => {
    const changes = new Map<string, PendingChange>();
    return {
      store: createMemoryChangeStore(changes),
      add: (change) => Promise.resolve(void changes.set(change.id, change)),
    };
  },
  [{}, {}],
);
