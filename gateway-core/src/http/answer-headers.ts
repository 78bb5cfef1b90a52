import type { Exchange } from "../stages/exchange.ts";
import type { Failure } from "@gatewayops/platform/errors";

/** Adds the headers that every answer carries: request id, trace id, rate limit. Flat: name, value, name, value. */
export function pushCommonHeaders(exchange: Exchange, headers: string[]): void {
  headers.push("x-request-id", exchange.requestId);
  const { trace, bucket } = exchange;
  if (trace) headers.push("x-trace-id", trace.traceIdText);
  if (bucket) {
    const { spec, remaining } = bucket;
    headers.push("x-ratelimit-limit", String(spec.rps));
    headers.push("x-ratelimit-remaining", String(Math.min(remaining, spec.burst)));
    headers.push("x-ratelimit-reset", String(secondsUntilFull(spec.burst - remaining, spec.rps)));
  }
}

/** Headers that go with a failure: when to try again, how to prove oneself. */
export function pushFailureHeaders(failure: Failure, headers: string[]): void {
  if (failure.retryAfterMs !== undefined)
    headers.push("retry-after", String(Math.ceil(failure.retryAfterMs / 1000)));
  if (failure.spec.http === 401) headers.push("www-authenticate", "Bearer");
}

function secondsUntilFull(missing: number, rps: number): number {
  return Math.max(0, Math.ceil(missing / rps));
}
