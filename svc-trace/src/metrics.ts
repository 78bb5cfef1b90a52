import { hexOf } from "@gatewayops/platform/ids";
import { factsOf } from "@gatewayops/platform/streams/consumer-records";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Counter, Gauge, type Registry } from "prom-client";
import type { OtlpObserver } from "./otlp/otlp-exporter.ts";

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

/** Shows what becomes of calls on their way to the OTLP receiver. */
export function createOtlpMetrics(registry: Registry): OtlpObserver {
  const registers = [registry];
  const queued = new Gauge({
    name: "trace_otlp_queued_calls",
    help: "Calls that wait to be sent by OTLP.",
    registers,
  });
  const sent = new Counter({
    name: "trace_otlp_sent_calls_total",
    help: "Calls that the OTLP receiver took.",
    registers,
  });
  const dropped = new Counter({
    name: "trace_otlp_dropped_calls_total",
    help: "Calls that were not sent by OTLP.",
    labelNames: ["reason"],
    registers,
  });
  const rejected = new Counter({
    name: "trace_otlp_rejected_spans_total",
    help: "Spans that the OTLP receiver rejected of requests it took.",
    registers,
  });
  const retries = new Counter({
    name: "trace_otlp_retries_total",
    help: "Requests that the OTLP receiver did not take and that are sent again.",
    registers,
  });
  return {
    queued: (calls) => {
      queued.set(calls);
    },
    sent: (calls) => {
      sent.inc(calls);
    },
    dropped: (reason, calls) => {
      dropped.inc({ reason }, calls);
    },
    rejectedSpans: (spans) => {
      rejected.inc(spans);
    },
    retried: () => {
      retries.inc();
    },
  };
}

function traceKey(record: CallCompletion): string {
  const { orgId, intent } = factsOf(record);
  return `${orgId} ${hexOf(intent.traceId)}`;
}
