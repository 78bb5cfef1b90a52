import type { ServiceImpl } from "@connectrpc/connect";
import { invalidRequest } from "@gatewayops/platform/errors";
import type { InternalBudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import type { LogRegistry } from "./log-registry.ts";

const ID = /^[0-9a-f]{32}$/;

/** The methods by which gateways say which write-ahead logs they have. */
export function createLogRpc(
  logs: LogRegistry,
  now: () => number,
): Pick<ServiceImpl<typeof InternalBudgetService>, "openLog" | "reportLogs"> {
  return {
    async openLog({ directoryId, logId }) {
      requireId("directory_id", directoryId);
      requireId("log_id", logId);
      await logs.open(directoryId, logId, new Date(now()));
      return {};
    },
    async reportLogs({ directoryId, logIds }) {
      requireId("directory_id", directoryId);
      for (const logId of logIds) requireId("log_ids", logId);
      await logs.report(directoryId, logIds, new Date(now()));
      return {};
    },
  };
}

function requireId(field: string, id: string): void {
  if (!ID.test(id))
    throw invalidRequest([{ field, message: "must be 32 hexadecimal digits, in lower case" }]);
}
