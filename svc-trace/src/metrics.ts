import { hexOf } from "@gatewayops/platform/ids";
import { factsOf } from "@gatewayops/platform/streams/consumer-records";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Counter, Gauge, type Registry } from "prom-client";

/** Stores records, and counts the traces they belong to as `traces_ingested_total` once they are stored. */
export function countingTraces(
  registry: Registry,
  store: (records: readonly CallCompletion[]) => Promise<void>,
): (records: readonly CallCompletion[]) => Promise<void> {
  const traces = new Counter({
    name: "traces_ingested_total",
    help: "Traces stored, again for each batch that has more of one.",
    registers: [registry],
  });
  return async (records) => {
    await store(records);
    traces.inc(new Set(records.map(traceKey)).size);
  };
}

/** Shows how many streams of new calls are open, and how many calls were left out of them. */
export function createTailMetrics(
  registry: Registry,
): (change: { readonly streams: number; readonly skipped: number }) => void {
  const streams = new Gauge({
    name: "trace_tail_streams",
    help: "Streams of new calls that are open.",
    registers: [registry],
  });
  const skipped = new Counter({
    name: "trace_tail_skipped_calls_total",
    help: "Calls left out of streams, because there were too many or the reader was slow.",
    registers: [registry],
  });
  return (change) => {
    streams.set(change.streams);
    skipped.inc(change.skipped);
  };
}

function traceKey(record: CallCompletion): string {
  const { orgId, intent } = factsOf(record);
  return `${orgId} ${hexOf(intent.traceId)}`;
}
