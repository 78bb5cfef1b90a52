import { hexOf } from "@gatewayops/platform/ids";
import { factsOf } from "@gatewayops/platform/streams/consumer-records";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Counter, type Registry } from "prom-client";

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

function traceKey(record: CallCompletion): string {
  const { orgId, intent } = factsOf(record);
  return `${orgId} ${hexOf(intent.traceId)}`;
}
