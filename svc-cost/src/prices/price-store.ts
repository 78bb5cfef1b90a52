import type { ChangeStamp, PendingChange } from "@gatewayops/platform/changes/change-store";
import type { PriceRule } from "./price-rule.ts";

/**
 * The rules of organisations. Rules of one server, tool and operation follow each other in time and never overlap. All
 * times are by the store's clock.
 */
export type PriceStore = {
  /**
   * Puts a rule in force at its time, at once without one, and leaves the change to be told. The rule that was in force
   * then ends; one to come after it stays, and ends this one.
   *
   * @throws Failure PRICE_RULES_TOO_MANY when the organisation has RULES_MAX rules in force or to come
   */
  replace(orgId: string, rule: NewPriceRule, stamp: ChangeStamp): Promise<ChangedRule>;
  /** Rules by server, tool, operation and id, which rises with their making; after those of a key, at most `limit`. */
  list(orgId: string, page: PricePage): Promise<readonly PriceRule[]>;
  /** All rules in force and to come, in one state of the store. */
  book(orgId: string): Promise<PriceBook>;
  /**
   * Ends a rule now and leaves the change to be told; of one to come it is as if it had never been made. Undefined: the
   * organisation never had it. A rule that has ended may be ended again.
   */
  end(orgId: string, id: string, stamp: ChangeStamp): Promise<PendingChange | undefined>;
};

/** Most rules in force and to come of an organisation: gateways hold them all. */
export const RULES_MAX = 10_000;

/** A rule to be made. */
export type NewPriceRule = Omit<PriceRule, "createTime" | "effectiveTime" | "endTime"> & {
  /** Undefined, or a time that has passed: at once. */
  readonly effectiveTime: Date | undefined;
};

export type ChangedRule = { readonly rule: PriceRule; readonly change: PendingChange };

export type PriceBook = {
  readonly rules: readonly PriceRule[];
  /** When they were read. A rule that begins later is one to come. */
  readonly readTime: Date;
};

/** Where a rule stands in a list. */
export type RuleKey = Pick<PriceRule, "server" | "tool" | "operation" | "id">;

/** A page of a list of rules. */
export type PricePage = {
  readonly after: RuleKey | undefined;
  readonly limit: number;
  /** True: rules that have ended too. */
  readonly includeEnded: boolean;
};
