/**
 * The write-ahead logs of gateways whose workers may spend budgets. A log is open from before its worker spends anything
 * until all of it is in the ledger. Logs are of no organisation: a worker serves all.
 */
export type LogRegistry = {
  /** Says that a worker begins to write a log. Safe to repeat. */
  open(directoryId: string, logId: string, time: Date): Promise<void>;
  /**
   * Says which logs a directory has. Its others are closed, but for those opened a moment ago, which this may not know
   * yet. Safe to repeat.
   */
  report(directoryId: string, logIds: readonly string[], time: Date): Promise<void>;
  /** Open logs, those left out whose gateway has not been heard of for so long that it counts as lost. */
  openLogs(time: Date): Promise<readonly string[]>;
  /** Open logs whose gateway counts as lost. */
  lostLogs(time: Date): Promise<readonly string[]>;
  /** Those of the logs that are closed, or unknown. */
  closedOf(logIds: readonly string[]): Promise<readonly string[]>;
  /** Forgets logs that have been closed for longer than any budget's period. */
  purge(time: Date): Promise<void>;
};

/** Milliseconds that a log is too young to be closed by a report: longer than the deadline of a report. */
export const OPENING_MS = 10_000;
/** Milliseconds without a word of a gateway after which it counts as lost: longer than a grant lasts. */
export const LOST_MS = 60_000;
/** Milliseconds that closed logs are remembered. */
export const CLOSED_KEEP_MS = 40 * 86_400_000;
