import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import type { Principal } from "../control/principal.ts";
import type { Bucket, BucketView, TokenBuckets } from "./token-buckets.ts";

// Posture: open to the worker's own share. When Redis is away every worker enforces its part of the limit alone, the
// record says "degraded", and nothing is refused that the limit would not refuse.

/** What the stage came to. */
export type RateVerdict = {
  readonly outcome: StageOutcome;
  /** The bucket with least left: what X-RateLimit-* headers speak of. Undefined when limits are off. */
  readonly tightest: BucketView | undefined;
  /** Set when the call is refused. */
  readonly failure: Failure | undefined;
};

const OFF: RateVerdict = {
  outcome: StageOutcome.NOT_CONFIGURED,
  tightest: undefined,
  failure: undefined,
};

/** Checks a call against the limits of its key, team and organisation. Synchronous when leased tokens are here. */
export function createRateLimitStage(
  buckets: TokenBuckets,
  isEnabled: boolean,
): (principal: Principal) => RateVerdict | Promise<RateVerdict> {
  if (!isEnabled) return () => OFF;
  return (principal) => {
    const [first, second, third] = principal.buckets;
    if (!first) return OFF;
    const key = buckets.bucket(first);
    if (!second) return key.takeNow() ? passed(key) : takeLater([key]);
    const all = third
      ? [key, buckets.bucket(second), buckets.bucket(third)]
      : [key, buckets.bucket(second)];
    return takeLater(all);
  };
}

async function takeLater(all: readonly Bucket[]): Promise<RateVerdict> {
  const taken: Bucket[] = [];
  for (const bucket of all) {
    if (bucket.takeNow() || (await bucket.takeLater())) {
      taken.push(bucket);
      continue;
    }
    for (const other of taken) other.giveBack();
    return refused(bucket);
  }
  return passed(
    all.reduce((least, bucket) => (bucket.remaining < least.remaining ? bucket : least)),
  );
}

function passed(bucket: Bucket): RateVerdict {
  const outcome = bucket.isDegraded ? StageOutcome.DEGRADED : StageOutcome.PASSED;
  return { outcome, tightest: bucket, failure: undefined };
}

function refused(bucket: Bucket): RateVerdict {
  const { spec, retryAfterMs } = bucket;
  return {
    outcome: StageOutcome.REFUSED,
    tightest: bucket,
    failure: new Failure(
      "RATE_LIMITED",
      `The ${OWNER[spec.scope]} may make ${spec.rps} calls per second (${spec.burst} at once). ` +
        `Try again in ${Math.max(1, Math.ceil(retryAfterMs / 1000))} s.`,
      { retryAfterMs: Math.max(1_000, retryAfterMs) },
    ),
  };
}

const OWNER = { key: "API key", team: "team", org: "organisation" } as const;
