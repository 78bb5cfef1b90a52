import type { ChangeStamp, PendingChange } from "@gatewayops/platform/changes/change-store";

/** A price for tool calls. Never changed: a new price is a new rule. */
export type PriceRule = {
  /** UUID. */
  readonly id: string;
  /** Name of the MCP server; "*" for any. */
  readonly server: string;
  /** Name of the tool; "*" for any. */
  readonly tool: string;
  readonly perCallUsdMicros: bigint;
  readonly createTime: Date;
};

/** The rules of organisations. */
export type PriceStore = {
  /** Puts a rule in force, ends the one for the same server and tool, and leaves the change to be told. */
  replace(
    orgId: string,
    rule: Omit<PriceRule, "createTime">,
    stamp: ChangeStamp,
  ): Promise<ChangedRule>;
  /** Rules in force by server and tool, after those of a key, at most `limit`. */
  list(orgId: string, page: PricePage): Promise<readonly PriceRule[]>;
  /**
   * Ends a rule and leaves the change to be told. Undefined: the organisation never had it. A rule that has ended may
   * be ended again.
   */
  end(orgId: string, id: string, stamp: ChangeStamp): Promise<PendingChange | undefined>;
};

export type ChangedRule = { readonly rule: PriceRule; readonly change: PendingChange };

/** A page of a list of rules. */
export type PricePage = {
  readonly after: { readonly server: string; readonly tool: string } | undefined;
  readonly limit: number;
};
