import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Counter, type Registry } from "prom-client";

/** Stores records, and counts them as `cost_events_total` once they are stored. */
export function countingCostEvents(
  registry: Registry,
  store: (records: readonly CallCompletion[]) => Promise<void>,
): (records: readonly CallCompletion[]) => Promise<void> {
  const events = new Counter({
    name: "cost_events_total",
    help: "Events stored in the ledger, repeats included.",
    registers: [registry],
  });
  return async (records) => {
    await store(records);
    events.inc(records.length);
  };
}
