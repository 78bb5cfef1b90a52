import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Counter, Gauge, type Registry } from "prom-client";
import type { BudgetKeeperMetrics } from "./budgets/budget-keeper.ts";

/** Stores records, and counts them as `cost_events_total` once they are stored. */
export function countingCostEvents(
  registry: Registry,
  store: (records: readonly CallCompletion[]) => Promise<void>,
): (records: readonly CallCompletion[]) => Promise<void> {
  const events = new Counter({
    name: "cost_events_total",
    help: "Events stored in the ledger, repeats included.",
    registers: [registry],
  });
  return async (records) => {
    await store(records);
    events.inc(records.length);
  };
}

/** Counts what the budget keeper does. */
export function createBudgetMetrics(registry: Registry): BudgetKeeperMetrics {
  const evaluations = new Counter({
    name: "budget_evaluations_total",
    help: "Looks at the budgets of an organisation, by outcome: ok or failed.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const reached = new Counter({
    name: "budget_thresholds_reached_total",
    help: "Thresholds of budgets that spend reached.",
    registers: [registry],
  });
  return {
    evaluated: (outcome) => {
      evaluations.inc({ outcome });
    },
    reached: () => {
      reached.inc();
    },
  };
}

/** Makes the gauge of enforced budgets that cannot be built yet. */
export function createWallMetrics(registry: Registry): (unbuilt: number) => void {
  const gauge = new Gauge({
    name: "cost_budgets_unbuilt",
    help: "Enforced budgets that cannot be built yet, because a gateway has not reported what it keeps.",
    registers: [registry],
  });
  return (unbuilt) => {
    gauge.set(unbuilt);
  };
}
