import type { KnownNames } from "@gatewayops/platform/streams/consumer-records";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { toLedgerRow, touchedMinutes } from "./ledger-row.ts";
import type { LedgerStore } from "./ledger-store.ts";

/**
 * Stores call records in the ledger and brings the sums of their minutes up to date. Safe to repeat with the same
 * records, together with others, and by several processes at once.
 */
export function createLedger(
  store: LedgerStore,
  names: KnownNames,
): (records: readonly CallCompletion[]) => Promise<void> {
  return async (records) => {
    const rows = records.map((record) => toLedgerRow(record, names));
    await store.add(rows);
    // After the rows are in, before the caller commits: a crash in between leads here again.
    await store.recompute(touchedMinutes(rows));
  };
}
