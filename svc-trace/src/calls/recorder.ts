import { uuidToText } from "@gatewayops/platform/ids";
import { factsOf, type KnownNames } from "@gatewayops/platform/streams/consumer-records";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { toCallRow, type CallRow } from "./call-row.ts";
import type { RecordStore, TouchedTrace } from "./record-store.ts";
import type { RetentionBook } from "./retention.ts";

/**
 * Stores call records and brings their traces up to date. Safe to repeat with the same records, together with others,
 * and by several processes at once.
 */
export function createRecorder(
  store: RecordStore,
  names: KnownNames,
  retention: Pick<RetentionBook, "resolve">,
): (records: readonly CallCompletion[]) => Promise<void> {
  return async (records) => {
    const all = records.map((record) => ({ record, facts: factsOf(record) }));
    const daysOf = await retention.resolve(new Set(all.map(({ facts }) => facts.orgId)));
    const calls: CallRow[] = [];
    const traces = new Map<string, TouchedTrace>();
    for (const { record, facts } of all) {
      const { intent, orgId } = facts;
      calls.push(toCallRow(record, facts, names, daysOf(orgId)));
      const traceId = uuidToText(intent.traceId);
      const key = `${orgId} ${traceId}`;
      // The gateway gives a trace its id when the caller names none, and such a call has no parent.
      const rootTimeUs = intent.parentSpanId.length === 0 ? intent.startTimeUs : undefined;
      traces.set(key, { orgId, traceId, rootTimeUs: rootTimeUs ?? traces.get(key)?.rootTimeUs });
    }
    await store.addCalls(calls);
    // After the calls are in, before the caller commits: a crash in between leads here again.
    await store.recompute([...traces.values()]);
  };
}
