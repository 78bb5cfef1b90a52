import type { PendingChange } from "@gatewayops/platform/changes/change-store";
import { createMemoryChangeStore } from "@gatewayops/platform/changes/change-store.memory";
import { createMemoryBudgetStore } from "../src/budgets/budget-store.memory.ts";
import { createMemoryCrossingStore } from "../src/budgets/crossing-store.memory.ts";
import { createMemorySpendStore, type Spend } from "../src/budgets/spend-store.memory.ts";
import { createMemoryPriceStore } from "../src/prices/price-store.memory.ts";
import { describeBudgetStore } from "./budget-store.contract.ts";
import { createMemoryLogRegistry } from "../src/walls/log-registry.memory.ts";
import { describeLogRegistry } from "./log-registry.contract.ts";

import { describeCrossingStore } from "./crossing-store.contract.ts";
import { describePriceStore } from "./price-store.contract.ts";
import { describeSpendStore } from "./spend-store.contract.ts";

describePriceStore("memory", () => {
  const changes = new Map<string, PendingChange>();
  return {
    prices: createMemoryPriceStore(changes, () => Date.now()),
    changes: createMemoryChangeStore(changes),
  };
});

describeBudgetStore("memory", (budgetsMax) => {
  const changes = new Map<string, PendingChange>();
  const budgets = createMemoryBudgetStore(changes, budgetsMax);
  return { budgets, changes: createMemoryChangeStore(changes) };
});

describeLogRegistry("memory", createMemoryLogRegistry);

describeCrossingStore("memory", createMemoryCrossingStore);

describeSpendStore("memory", () => {
  const all: Spend[] = [];
  return {
    spend: createMemorySpendStore(all),
    add: (spends) => Promise.resolve(void all.push(...spends)),
  };
});
