import type { ServiceImpl } from "@connectrpc/connect";
import { invalidRequest } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";
import type { InternalBudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { toBudgetMessage, toMessagesWithUsage } from "./budget-message.ts";
import type { BudgetStore } from "./budget-store.ts";
import type { TimeZones } from "./time-zones.ts";
import type { UsageReader } from "./usage-reader.ts";

/** What the methods need that tell of budgets. */
export type InternalBudgetRpcOptions = {
  readonly budgets: Pick<BudgetStore, "book">;
  readonly usages: Pick<UsageReader, "current">;
  readonly timeZones: TimeZones;
};

/** A gateway asks for the book when it was told of a change, of the time zone too: an older answer would stay with it. */
const BOOK_ZONE_AGE_MS = 500;

/** The methods of InternalBudgetService that tell of budgets. */
export function createInternalBudgetRpc(options: InternalBudgetRpcOptions) {
  const { budgets, usages, timeZones } = options;
  return {
    async getBudgetBook({ orgId }) {
      requireOrg(orgId);
      const [book, timeZone] = await Promise.all([
        budgets.book(orgId),
        timeZones.of(orgId, BOOK_ZONE_AGE_MS),
      ]);
      return { budgets: book.map(toBudgetMessage), timeZone };
    },
    async listBudgetUsages({ orgId }) {
      requireOrg(orgId);
      const book = await budgets.book(orgId);
      return { items: toMessagesWithUsage(book, await usages.current(orgId, book)) };
    },
  } satisfies Partial<ServiceImpl<typeof InternalBudgetService>>;
}

function requireOrg(orgId: string): void {
  if (uuidFromText(orgId) === undefined)
    throw invalidRequest([{ field: "org_id", message: "must be a UUID" }]);
}
