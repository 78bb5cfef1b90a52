import { Counter, Gauge, type Registry } from "prom-client";
import type { KeyActivity } from "./keys/key-store.ts";
import type { ValidationSource } from "./keys/key-validator.ts";

/** Metrics of the service beyond those of its RPC server. */
export type AuthMetrics = {
  validated(source: ValidationSource, result: "admitted" | "refused" | "failed"): void;
  cacheFailed(): void;
  /** Counts an event that administrators were told of. */
  raised(kind: string): void;
  /** Tells the counts; undefined when they are not known, and then none is better than an old one. */
  active(counts: KeyActivity | undefined): void;
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
  const events = new Counter({
    name: "auth_admin_events_total",
    help: "Events that administrators were told of, by kind.",
    labelNames: ["kind"],
    registers: [registry],
  });
  const organizations = new Gauge({
    name: "active_organizations",
    help: "Organisations of which a key was used in the last 30 days.",
    registers: [registry],
  });
  const keys = new Gauge({
    name: "api_keys_active",
    help: "API keys that are neither revoked nor expired.",
    registers: [registry],
  });
  const active = (counts: KeyActivity | undefined): void => {
    if (counts) {
      organizations.set(counts.activeOrganizations);
      keys.set(counts.activeKeys);
    } else {
      organizations.remove();
      keys.remove();
    }
  };
  // A gauge begins as 0, which would be a lie until the first count.
  active(undefined);
  return {
    active,
    validated(source, result) {
      validations.inc({ source, result });
    },
    raised(kind) {
      events.inc({ kind });
    },
    cacheFailed() {
      cacheFailures.inc();
    },
  };
}
