import type { LedgerLine } from "./control-plane.ts";

/** Calls that were made through the gateway. */
export type CallCount = {
  /** Answered with 200. */
  answered: number;
  /** Under way when the load stopped, at most: one per connection and run. They may be recorded or not. */
  cutOffAtMost: number;
};

/**
 * Holds the ledger to the calls that were made: each one recorded once and at its price, which proves that the
 * controls were on.
 *
 * @returns what is wrong, undefined when nothing is
 */
export function faultOfLedger(
  line: LedgerLine,
  count: CallCount,
  priceUsdMicros: number,
): string | undefined {
  const most = count.answered + count.cutOffAtMost;
  if (line.calls < count.answered)
    return `the ledger lacks ${count.answered - line.calls} of ${count.answered} answered calls`;
  if (line.calls > most)
    return `the ledger has ${line.calls} calls, ${line.calls - most} more than can have been made`;
  if (line.errors > count.cutOffAtMost)
    return `the ledger has ${line.errors} failed calls, and only ${count.cutOffAtMost} can have been cut off`;
  const wanted = (line.calls - line.errors) * priceUsdMicros;
  if (line.costUsdMicros !== wanted)
    return `the ledger's sum is ${line.costUsdMicros} micro-USD and not ${wanted}`;
  return undefined;
}
