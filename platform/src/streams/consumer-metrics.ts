import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { ConsumerName } from "./event-stream.ts";
import type { ShardProgress } from "./consumer-lease.ts";

/** What a consumer of one shard tells of itself. */
export type ConsumerMetrics = {
  progress(progress: ShardProgress): void;
  /** True while this process holds the shard's lease. */
  held(held: boolean): void;
  stored(records: number, seconds: number): void;
  dead(entries: number): void;
  storeFailed(): void;
};

/** Metrics of one shard's consumer; consumers of several shards share a registry. */
export function createConsumerMetrics(
  registry: Registry,
  consumer: ConsumerName,
  shard: number,
): ConsumerMetrics {
  const labels = { consumer, shard: String(shard) };
  const labelNames = ["consumer", "shard"];
  const registers = [registry];
  const find = <T>(name: string, make: () => T): T =>
    (registry.getSingleMetric(name) as T | undefined) ?? make();
  const gauge = (name: string, help: string): Gauge =>
    find(name, () => new Gauge({ name, help, labelNames, registers }));
  const counter = (name: string, help: string): Counter =>
    find(name, () => new Counter({ name, help, labelNames, registers }));

  const entries = gauge("gateway_consumer_lag_entries", "Stream entries not stored yet.");
  const seconds = gauge("gateway_consumer_lag_seconds", "Age of the oldest entry not stored yet.");
  const lease = gauge("gateway_consumer_lease", "1 while this process reads the shard.");
  const records = counter(
    "gateway_consumer_records_total",
    "Call records stored, repeats included.",
  );
  const deadEntries = counter(
    "gateway_consumer_dead_entries_total",
    "Entries put aside as unreadable.",
  );
  const failures = counter(
    "gateway_consumer_store_failures_total",
    "Attempts to store that failed.",
  );
  const duration = find(
    "gateway_consumer_store_seconds",
    () =>
      new Histogram({
        name: "gateway_consumer_store_seconds",
        help: "Time to store a batch.",
        labelNames,
        buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        registers,
      }),
  );
  deadEntries.inc(labels, 0);
  failures.inc(labels, 0);
  return {
    progress({ lagEntries, lagMs }) {
      entries.set(labels, lagEntries);
      seconds.set(labels, lagMs / 1000);
    },
    held(held) {
      lease.set(labels, held ? 1 : 0);
      if (held) return;
      // Another replica tells of the shard now.
      entries.remove(labels);
      seconds.remove(labels);
    },
    stored(count, tookSeconds) {
      records.inc(labels, count);
      duration.observe(labels, tookSeconds);
    },
    dead(count) {
      deadEntries.inc(labels, count);
    },
    storeFailed() {
      failures.inc(labels);
    },
  };
}
