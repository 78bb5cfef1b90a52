import { factsOf } from "@gatewayops/platform/streams/consumer-records";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { storedNames, toCallRow, type CallRow, type KnownNames } from "./call-row.ts";
import type { RecordStore, TraceKey } from "./record-store.ts";
import { toSpanRows, type SpanRow } from "./span-rows.ts";

/**
 * Stores call records with their spans and brings their traces up to date. Safe to repeat with the same records,
 * together with others, and by several processes at once.
 */
export function createRecorder(
  store: RecordStore,
  names: KnownNames,
): (records: readonly CallCompletion[]) => Promise<void> {
  return async (records) => {
    const calls: CallRow[] = [];
    const spans: SpanRow[] = [];
    const traces = new Map<string, TraceKey>();
    for (const record of records) {
      const facts = factsOf(record);
      const named = storedNames(facts, names);
      calls.push(toCallRow(record, facts, named));
      spans.push(...toSpanRows(record, facts, named));
      const key = { orgId: facts.ids.org_id, traceId: facts.traceId };
      traces.set(`${key.orgId} ${key.traceId}`, key);
    }
    await Promise.all([store.addCalls(calls), store.addSpans(spans)]);
    // After the spans are in, before the caller commits: a crash in between leads here again.
    await store.recompute([...traces.values()]);
  };
}
