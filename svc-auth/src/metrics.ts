import { Counter, type Registry } from "prom-client";
import type { ValidationSource } from "./keys/key-validator.ts";

/** Counters of the service beyond those of its RPC server. */
export type AuthMetrics = {
  validated(source: ValidationSource, result: "admitted" | "refused" | "failed"): void;
  cacheFailed(): void;
};

export function createAuthMetrics(registry: Registry): AuthMetrics {
  const validations = new Counter({
    name: "auth_key_validations_total",
    help: "API keys checked, by where the answer came from and what it was.",
    labelNames: ["source", "result"],
    registers: [registry],
  });
  const cacheFailures = new Counter({
    name: "auth_key_cache_failures_total",
    help: "Commands of the key cache that Redis did not answer.",
    registers: [registry],
  });
  return {
    validated(source, result) {
      validations.inc({ source, result });
    },
    cacheFailed() {
      cacheFailures.inc();
    },
  };
}
