import { Histogram, type Registry } from "prom-client";

/** Notes how long a query of a store took, failed ones included. */
export type ObserveQuery = (operation: string, seconds: number) => void;

/**
 * The specification's `db_query_duration_seconds`. The operation is the name that the code gives a query, never its
 * text: labels are bounded.
 */
export function createQueryMetrics(
  registry: Registry,
): (store: "postgres" | "clickhouse") => ObserveQuery {
  const duration = new Histogram({
    name: "db_query_duration_seconds",
    help: "Time of a query until its last row, failed ones included.",
    labelNames: ["store", "operation"],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return (store) => (operation, seconds) => {
    duration.observe({ store, operation }, seconds);
  };
}

/** Runs a query and notes how long it took. */
export async function timed<T>(
  observe: ObserveQuery | undefined,
  operation: string,
  work: () => Promise<T>,
): Promise<T> {
  if (!observe) return work();
  const started = performance.now();
  try {
    return await work();
  } finally {
    observe(operation, (performance.now() - started) / 1000);
  }
}
