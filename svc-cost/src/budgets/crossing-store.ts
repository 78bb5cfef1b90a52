import type { BudgetThresholdReached } from "@gatewayops/platform/streams/admin-events";

/**
 * The thresholds that spend has reached: an outbox of what administrators are told. One is recorded once for each
 * budget, period and threshold.
 */
export type CrossingStore = {
  /** Records a crossing to be told. False: it was recorded before. */
  record(orgId: string, event: BudgetThresholdReached): Promise<boolean>;
  /** Crossings of all organisations that may not be told yet, oldest period first, at most `limit`. */
  untold(limit: number): Promise<readonly BudgetThresholdReached[]>;
  /** Notes that a crossing was told. */
  markTold(orgId: string, event: BudgetThresholdReached, time: Date): Promise<void>;
  /** Forgets those that were told, of periods which began before the time. */
  forget(before: Date): Promise<void>;
};
