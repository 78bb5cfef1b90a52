import type { ChangeStamp, PendingChange } from "@gatewayops/platform/changes/change-store";
import type { ChangeTable } from "@gatewayops/platform/changes/change-store.postgres";

/** Where changes of budgets wait until gateways know of them. */
export const BUDGET_CHANGES: ChangeTable = { name: "pending_budget_changes", columns: {} };

/** The change that a changed budget is told as. */
export function changeOfBudgets(orgId: string, stamp: ChangeStamp): PendingChange {
  return {
    id: stamp.changeId,
    orgId,
    invalidation: { kind: "budgets", orgId },
    createTime: stamp.time,
  };
}
