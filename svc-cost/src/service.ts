import type { ConnectRouter } from "@connectrpc/connect";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { NameResolver } from "@gatewayops/platform/names";
import {
  BudgetService,
  InternalBudgetService,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { CostService } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import {
  InternalCostService,
  PriceService,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { createBudgetRpc, type BudgetRpcOptions } from "./budgets/budget-rpc.ts";
import { createInternalBudgetRpc } from "./budgets/internal-budget-rpc.ts";
import type { TimeZones } from "./budgets/time-zones.ts";
import type { LedgerStore } from "./ledger/ledger-store.ts";
import { createInternalCostRpc, createPriceRpc } from "./prices/price-rpc.ts";
import type { PriceStore } from "./prices/price-store.ts";
import { createSimulationRpc } from "./prices/simulation-rpc.ts";
import type { SimulationStore } from "./prices/simulation-store.ts";
import { createCostRpc } from "./summary/cost-rpc.ts";
import type { LogRegistry } from "./walls/log-registry.ts";
import { createLogRpc } from "./walls/log-rpc.ts";
import type { SummaryStore } from "./summary/summary-store.ts";

/** What svc-cost's methods stand on. */
export type CostServiceOptions = {
  readonly summaries: SummaryStore;
  readonly ledger: Pick<LedgerStore, "traceCost">;
  readonly prices: PriceStore;
  readonly simulations: SimulationStore;
  readonly names: NameResolver;
  /** Tells gateways of changed price rules. */
  readonly publisher: Pick<ChangePublisher, "publish">;
  readonly logs: LogRegistry;
  readonly budgets: Omit<BudgetRpcOptions, "now"> & { readonly timeZones: TimeZones };
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
};

/** The services svc-cost serves. */
export const SERVICES = [
  CostService,
  PriceService,
  BudgetService,
  InternalCostService,
  InternalBudgetService,
] as const;

/** Registers svc-cost's methods. */
export function costRoutes(options: CostServiceOptions): (router: ConnectRouter) => void {
  const { summaries, ledger, prices, simulations, publisher, names, budgets, logs, now } = options;
  return (router) => {
    router.service(CostService, createCostRpc({ summaries, ledger, names }));
    router.service(PriceService, {
      ...createPriceRpc({ prices, publisher, now }),
      ...createSimulationRpc({ simulations, names }),
    });
    router.service(InternalCostService, createInternalCostRpc(prices));
    router.service(BudgetService, createBudgetRpc({ ...budgets, now }));
    router.service(InternalBudgetService, {
      ...createInternalBudgetRpc(budgets),
      ...createLogRpc(logs, now),
    });
  };
}
