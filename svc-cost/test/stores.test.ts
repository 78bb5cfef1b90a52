import type { PendingChange } from "@gatewayops/platform/changes/change-store";
import { createMemoryChangeStore } from "@gatewayops/platform/changes/change-store.memory";
import { createMemoryPriceStore } from "../src/prices/price-store.memory.ts";
import { describePriceStore } from "./price-store.contract.ts";

describePriceStore("memory", () => {
  const changes = new Map<string, PendingChange>();
  return {
    prices: createMemoryPriceStore(changes, () => Date.now()),
    changes: createMemoryChangeStore(changes),
  };
});
