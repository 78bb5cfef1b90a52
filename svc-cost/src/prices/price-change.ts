import type { ChangeStamp, PendingChange } from "@gatewayops/platform/changes/change-store";
import type { ChangeTable } from "@gatewayops/platform/changes/change-store.postgres";

/** Where changes of price rules wait until gateways know of them. */
export const PRICE_CHANGES: ChangeTable = { name: "pending_price_changes", columns: {} };

/** The change that a changed price rule is told as. */
export function changeOfPrices(orgId: string, stamp: ChangeStamp): PendingChange {
  return {
    id: stamp.changeId,
    orgId,
    invalidation: { kind: "prices", orgId },
    createTime: stamp.time,
  };
}
