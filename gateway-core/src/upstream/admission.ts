import { Failure } from "@gatewayops/platform/errors";
import { circuitOpen } from "./breaker.ts";
import type { Upstream } from "./upstream.ts";

/**
 * Does something with a server, within its bulkhead and watched by its breaker.
 *
 * @throws Failure OVERLOADED, UPSTREAM_CIRCUIT_OPEN; what `work` throws
 */
export async function admitted<T>(
  { name, breaker, bulkhead }: Upstream,
  work: () => Promise<T>,
): Promise<T> {
  if (!bulkhead.take()) await bulkhead.wait();
  try {
    if (!breaker.admit()) throw circuitOpen(name, breaker);
    return await watched(breaker, work);
  } finally {
    bulkhead.give();
  }
}

async function watched<T>(breaker: Upstream["breaker"], work: () => Promise<T>): Promise<T> {
  try {
    const result = await work();
    breaker.succeeded();
    return result;
  } catch (error) {
    if (isServersFault(error)) breaker.failed();
    else breaker.abandoned();
    throw error;
  }
}

/** True when a failure says something about the server's health. */
export function isServersFault(error: unknown): boolean {
  return error instanceof Failure && error.reason.startsWith("UPSTREAM_");
}
