import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ChangePublisher } from "@gatewayops/platform/changes/change-publisher";
import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { cursorOf, keyOf } from "@gatewayops/platform/clickhouse/values";
import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText, uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import type {
  InternalCostService,
  PriceService,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import type { PriceRule, PriceStore } from "./price-store.ts";

/** What the price methods need. */
export type PriceRpcOptions = {
  readonly prices: PriceStore;
  /** Tells gateways of changed rules. */
  readonly publisher: Pick<ChangePublisher, "publish">;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
};

const PAGE_DEFAULT = 50;
/** Most rules of an organisation's price book that are read at once. */
const BOOK_PAGE = 1_000;
const NAME = /^.{1,256}$/s;

/** The methods of PriceService: proto to domain and back. */
export function createPriceRpc(options: PriceRpcOptions): ServiceImpl<typeof PriceService> {
  const { prices, publisher } = options;
  return {
    async createPriceRule({ server, tool, perCallUsdMicros }, context) {
      const { orgId } = requireCaller(context);
      const fresh = { id: newId(), server, tool, perCallUsdMicros };
      const { rule, change } = await prices.replace(orgId, fresh, stamp());
      await publisher.publish(change);
      return { priceRule: toProto(rule) };
    },

    async listPriceRules({ limit, cursor }, context) {
      const { orgId } = requireCaller(context);
      const size = limit === 0 ? PAGE_DEFAULT : limit;
      const [server, tool] = keyOf(cursor, [NAME, NAME]) ?? [];
      const after = server === undefined || tool === undefined ? undefined : { server, tool };
      const rules = await prices.list(orgId, { after, limit: size + 1 });
      const items = rules.slice(0, size);
      const last = items.at(-1);
      const hasMore = rules.length > size;
      return {
        items: items.map(toProto),
        cursor: hasMore && last ? cursorOf([last.server, last.tool]) : "",
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

  function newId(): string {
    return uuidToText(uuidV7(options.now()));
  }

  function stamp(): ChangeStamp {
    return { changeId: newId(), time: new Date(options.now()) };
  }
}

/** The methods of InternalCostService. */
export function createInternalCostRpc(
  prices: Pick<PriceStore, "list">,
): ServiceImpl<typeof InternalCostService> {
  return {
    async getPriceBook({ orgId }) {
      if (uuidFromText(orgId) === undefined)
        throw new Failure("REQUEST_INVALID", "org_id must be a UUID.", {
          details: [{ field: "org_id", message: "must be a UUID" }],
        });
      const rules: PriceRule[] = [];
      for (;;) {
        const page = await prices.list(orgId, { after: rules.at(-1), limit: BOOK_PAGE });
        rules.push(...page);
        if (page.length < BOOK_PAGE) return { rules: rules.map(toProto) };
      }
    },
  };
}

function toProto(rule: PriceRule) {
  return {
    id: rule.id,
    server: rule.server,
    tool: rule.tool,
    perCallUsdMicros: rule.perCallUsdMicros,
    createTime: timestampFromDate(rule.createTime),
  };
}
