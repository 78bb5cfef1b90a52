import type { Failure, Reason } from "@gatewayops/platform/errors";
import { wasNeverSent } from "./dispatch-errors.ts";

/** A request that failed on its way. */
export type FailedAttempt = {
  readonly failure: Failure;
  /** How often it was sent: 1 for the first time. */
  readonly attempts: number;
  /** True when sending it twice does no harm. */
  readonly isSafe: boolean;
  /** True when an answer had begun. */
  readonly hasAnswerBegun: boolean;
  /** Milliseconds left of what the server may take for all attempts together. */
  readonly leftMs: number;
};

const FIRST_DELAY_MS = 50;
const DELAY_MAX_MS = 2_000;

/** What happens to a connection. What a server says, or does not say in time, is its answer. */
const ON_THE_WAY: ReadonlySet<Reason> = new Set([
  "UPSTREAM_UNREACHABLE",
  "UPSTREAM_CLOSED",
  "UPSTREAM_NOT_MCP",
]);

/**
 * Milliseconds after which a request goes out again; undefined when it must not. The one rule for all that is sent to
 * servers: what may have run is never sent again, unless it does no harm.
 *
 * @param random from 0 up to 1, so that those who failed together do not come back together
 */
export function retryDelayMs(
  { failure, attempts, isSafe, hasAnswerBegun, leftMs }: FailedAttempt,
  maxRetries: number,
  random: number,
): number | undefined {
  if (attempts > maxRetries || hasAnswerBegun || !ON_THE_WAY.has(failure.reason)) return undefined;
  if (!isSafe && !wasNeverSent(failure.cause)) return undefined;
  const most = Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), DELAY_MAX_MS);
  const delay = Math.round((most * (1 + random)) / 2);
  return delay < leftMs ? delay : undefined;
}
