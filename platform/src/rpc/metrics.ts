import { Counter, Histogram, type Registry } from "prom-client";

/** One finished request. */
export type Observation = {
  /** HTTP method, or "rpc". */
  readonly method: string;
  /** Route or RPC path, never the raw path: labels are bounded. */
  readonly path: string;
  /** HTTP status class or reason. */
  readonly status: string;
  /** `process.hrtime.bigint()` at the request's beginning. */
  readonly started: bigint;
};

export type ServerMetrics = { observe(observation: Observation): void };

/** The specification's `http_server_*` metrics. */
export function createServerMetrics(registry: Registry): ServerMetrics {
  const requests = new Counter({
    name: "http_server_requests_total",
    help: "Requests served, by method, route and status.",
    labelNames: ["method", "path", "status"],
    registers: [registry],
  });
  const duration = new Histogram({
    name: "http_server_request_duration_seconds",
    help: "Time to serve a request.",
    labelNames: ["method", "path"],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [registry],
  });
  return {
    observe({ method, path, status, started }) {
      requests.inc({ method, path, status });
      duration.observe({ method, path }, Number(process.hrtime.bigint() - started) / 1e9);
    },
  };
}
