import type { ServiceImpl } from "@connectrpc/connect";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { cursorOf, keyOf } from "@gatewayops/platform/clickhouse/values";
import { Failure, invalidRequest } from "@gatewayops/platform/errors";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import type { BudgetService } from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import {
  periodFrom,
  scopeTypeFrom,
  settingsFrom,
  toBudgetMessage,
  toMessagesWithUsage,
  toUsageMessage,
} from "./budget-message.ts";
import type { ScopeCheck } from "./budget-scope.ts";
import type { BudgetStore } from "./budget-store.ts";
import type { UsageReader } from "./usage-reader.ts";

/** What the budget methods need. */
export type BudgetRpcOptions = {
  readonly budgets: BudgetStore;
  readonly usages: UsageReader;
  readonly checkScope: ScopeCheck;
  /** Tells gateways of changed budgets. */
  readonly publisher: Pick<ChangePublisher, "publish">;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
};

const PAGE_DEFAULT = 50;
const NAME = /^.{1,255}$/su;

/** The methods of BudgetService: proto to domain and back. */
export function createBudgetRpc(options: BudgetRpcOptions): ServiceImpl<typeof BudgetService> {
  const { budgets, usages, publisher } = options;
  return {
    async createBudget(request, context) {
      const { orgId } = requireCaller(context);
      const scopeType = scopeTypeFrom(request.scopeType);
      const period = periodFrom(request.period);
      if (!scopeType) throw required("scope_type");
      if (!period) throw required("period");
      const scopeId = request.scopeId === "" ? undefined : request.scopeId.toLowerCase();
      const scope = { scopeType, scopeId };
      await options.checkScope(orgId, scope);
      const fresh = { id: newId(), ...settingsFrom(request), ...scope, period };
      const { budget, change } = await budgets.create(orgId, fresh, stamp());
      await publisher.publish(change);
      return { budget: toBudgetMessage(budget) };
    },

    async listBudgets({ limit, cursor }, context) {
      const { orgId } = requireCaller(context);
      const size = limit === 0 ? PAGE_DEFAULT : limit;
      const [after] = keyOf(cursor, [NAME]) ?? [];
      const found = await budgets.list(orgId, { after, limit: size + 1 });
      const page = found.slice(0, size);
      const hasMore = found.length > size;
      return {
        items: toMessagesWithUsage(page, await usages.current(orgId, page)),
        cursor: hasMore ? cursorOf([page.at(-1)?.name ?? ""]) : "",
        hasMore,
      };
    },

    async updateBudget(request, context) {
      const { orgId } = requireCaller(context);
      const settings = settingsFrom(request);
      const updated = await budgets.update(orgId, request.id, settings, stamp());
      if (!updated) throw unknownBudget();
      await publisher.publish(updated.change);
      return { budget: toBudgetMessage(updated.budget) };
    },

    async deleteBudget({ id }, context) {
      const { orgId } = requireCaller(context);
      const change = await budgets.delete(orgId, id, stamp());
      if (!change) throw unknownBudget();
      await publisher.publish(change);
      return {};
    },

    async getBudgetUsage({ id, pastPeriods }, context) {
      const { orgId } = requireCaller(context);
      const budget = await budgets.get(orgId, id);
      if (!budget) throw unknownBudget();
      const all = await usages.history(orgId, budget, pastPeriods);
      return { budget: toBudgetMessage(budget), usages: all.map(toUsageMessage) };
    },
  };

  function newId(): string {
    return uuidToText(uuidV7(options.now()));
  }

  function stamp(): ChangeStamp {
    return { changeId: newId(), time: new Date(options.now()) };
  }
}

function unknownBudget(): Failure {
  return new Failure(
    "NOT_FOUND",
    "There is no budget with this id. List them to see which there are.",
  );
}

function required(field: string): Failure {
  return invalidRequest([{ field, message: "is required" }]);
}
