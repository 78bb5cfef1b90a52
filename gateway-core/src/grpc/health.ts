import { setTimeout as delay } from "node:timers/promises";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  HealthCheckResponse_ServingStatus as Status,
  type Health,
} from "@gatewayops/proto/grpc/health/v1/health_pb";
import { Failure } from "@gatewayops/platform/errors";
import { connectErrorFrom } from "@gatewayops/platform/rpc/errors";

export type HealthOptions = {
  /** Full names of the services that are served here. Those behind the gateway tell of themselves. */
  readonly services: readonly string[];
  readonly isReady: () => boolean;
  /** Aborted when the process closes: who watches is told and let go. */
  readonly closing: AbortSignal;
};

/** Milliseconds between two looks for somebody who watches. */
const LOOK_MS = 500;

/** gRPC's health checks: all services are as ready as /ready says. */
export function createHealth(options: HealthOptions): ServiceImpl<typeof Health> {
  const { services, isReady, closing } = options;
  return {
    check({ service }) {
      const status = statusOf(service);
      if (status === Status.SERVICE_UNKNOWN)
        throw connectErrorFrom(new Failure("NOT_FOUND", "This service has no health here."));
      return { status };
    },
    list: () => ({
      statuses: Object.fromEntries(
        ["", ...services].map((service) => [service, { status: statusOf(service) }]),
      ),
    }),
    async *watch({ service }, { signal }) {
      const wake = AbortSignal.any([signal, closing]);
      let told: Status | undefined;
      while (!signal.aborted) {
        const status = statusOf(service);
        if (status !== told) yield { status: (told = status) };
        if (closing.aborted) return;
        // Woken early is what the loop looks for.
        await delay(LOOK_MS, undefined, { signal: wake }).catch(() => undefined);
      }
    },
  };

  function statusOf(service: string): Status {
    if (service !== "" && !services.includes(service)) return Status.SERVICE_UNKNOWN;
    return isReady() ? Status.SERVING : Status.NOT_SERVING;
  }
}
