import type { LedgerRow, MinuteRange } from "./ledger-row.ts";

/** A call in the ledger. */
export type LedgerEntry = {
  /** UUID of the call. */
  readonly callId: string;
  readonly timeUs: bigint;
  /** UUID; empty for none. */
  readonly serverId: string;
  /** Name when it was stored; empty when it was not known then. */
  readonly serverName: string;
  /** 16 hexadecimal digits. */
  readonly toolId: string;
  readonly toolName: string;
  readonly costUsdMicros: bigint;
  /** UUID; empty when the call was free. */
  readonly priceRuleId: string;
};

/** What the calls of a trace cost. */
export type TraceCost = {
  /** Of all calls, also those beyond the limit. */
  readonly totalUsdMicros: bigint;
  /** In order of time. */
  readonly entries: readonly LedgerEntry[];
};

/** The ledger and its sums by minute. */
export type LedgerStore = {
  /** Adds rows for good. A row that is there already counts once. */
  add(rows: readonly LedgerRow[]): Promise<void>;
  /**
   * Computes the sums of minutes anew from the ledger. May run any number of times and at the same time elsewhere:
   * the result that saw more of the ledger stays.
   */
  recompute(ranges: readonly MinuteRange[]): Promise<void>;
  /** The cost of a trace's calls, at most `limit` of them one by one. */
  traceCost(orgId: string, traceId: string, limit: number): Promise<TraceCost>;
};
