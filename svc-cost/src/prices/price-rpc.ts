import { timestampDate, timestampFromDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { cursorOf, keyOf } from "@gatewayops/platform/clickhouse/values";
import { Failure, invalidRequest } from "@gatewayops/platform/errors";
import { uuidFromText, uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import type {
  InternalCostService,
  PriceService,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { requireSound, type PriceRule } from "./price-rule.ts";
import type { PriceStore, RuleKey } from "./price-store.ts";

/** What the price methods need. */
export type PriceRpcOptions = {
  readonly prices: PriceStore;
  /** Tells gateways of changed rules. */
  readonly publisher: Pick<ChangePublisher, "publish">;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
};

const PAGE_DEFAULT = 50;
const NAME = /^.{1,256}$/s;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** How far ahead a rule may be made. */
const AHEAD_MAX_MS = 5 * 366 * 86_400_000;

/** The methods of PriceService that change and list rules: proto to domain and back. */
export function createPriceRpc(
  options: PriceRpcOptions,
): Omit<ServiceImpl<typeof PriceService>, "simulatePrice"> {
  const { prices, publisher } = options;
  return {
    async createPriceRule(request, context) {
      const { orgId } = requireCaller(context);
      const effectiveTime = timeAhead(request.effectiveTime);
      const fresh = { ...requireSound(request), id: newId(), effectiveTime };
      const { rule, change } = await prices.replace(orgId, fresh, stamp());
      await publisher.publish(change);
      return { priceRule: toProto(rule) };
    },

    async listPriceRules({ limit, cursor, includeEnded }, context) {
      const { orgId } = requireCaller(context);
      const size = limit === 0 ? PAGE_DEFAULT : limit;
      const after = ruleKeyFrom(cursor);
      const rules = await prices.list(orgId, { after, limit: size + 1, includeEnded });
      const items = rules.slice(0, size);
      const last = items.at(-1);
      const hasMore = rules.length > size;
      return {
        items: items.map(toProto),
        cursor: hasMore && last ? cursorOf([last.server, last.tool, last.operation, last.id]) : "",
        hasMore,
      };
    },

    async deletePriceRule({ id }, context) {
      const { orgId } = requireCaller(context);
      const change = await prices.end(orgId, id, stamp());
      if (!change) throw new Failure("NOT_FOUND", "There is no price rule with this id.");
      await publisher.publish(change);
      return {};
    },
  };

  function timeAhead(time: Timestamp | undefined): Date | undefined {
    if (!time) return undefined;
    const date = timestampDate(time);
    const aheadMs = date.getTime() - options.now();
    if (aheadMs > 0 && aheadMs <= AHEAD_MAX_MS) return date;
    const message =
      aheadMs > 0
        ? "must be at most 5 years ahead"
        : "must be in the future; leave it out for at once";
    throw invalidRequest([{ field: "effective_time", message }]);
  }

  function newId(): string {
    return uuidToText(uuidV7(options.now()));
  }

  function stamp(): ChangeStamp {
    return { changeId: newId(), time: new Date(options.now()) };
  }
}

/** The methods of InternalCostService. */
export function createInternalCostRpc(
  prices: Pick<PriceStore, "book">,
): ServiceImpl<typeof InternalCostService> {
  return {
    async getPriceBook({ orgId }) {
      if (uuidFromText(orgId) === undefined)
        throw new Failure("REQUEST_INVALID", "org_id must be a UUID.", {
          details: [{ field: "org_id", message: "must be a UUID" }],
        });
      const { rules, readTime } = await prices.book(orgId);
      return { rules: rules.map(toProto), readTime: timestampFromDate(readTime) };
    },
  };
}

/** @throws Failure REQUEST_INVALID when it is not a cursor of this method */
function ruleKeyFrom(cursor: string): RuleKey | undefined {
  const key = keyOf(cursor, [NAME, NAME, NAME, UUID]);
  if (!key) return undefined;
  const [server = "", tool = "", operation = "", id = ""] = key;
  return { server, tool, operation, id };
}

function toProto({ createTime, effectiveTime, endTime, ...rule }: PriceRule) {
  return {
    ...rule,
    createTime: timestampFromDate(createTime),
    effectiveTime: timestampFromDate(effectiveTime),
    ...(endTime && { endTime: timestampFromDate(endTime) }),
  };
}
