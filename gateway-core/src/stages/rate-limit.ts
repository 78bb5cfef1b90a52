import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import type { BucketSpec, Principal } from "../control/principal.ts";
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
  return ({ buckets: specs }) => {
    const [first] = specs;
    if (first === undefined) return OFF;
    if (specs.length === 1) return takeOne(buckets.bucket(first), specs);
    const all = specs.map((spec) => buckets.bucket(spec));
    for (const [index, bucket] of all.entries())
      if (!bucket.takeNow()) return takeRest(all, specs, index);
    return passed(all);
  };
}

/** Most keys have a limit, and few teams and organisations. */
function takeOne(bucket: Bucket, specs: readonly BucketSpec[]): RateVerdict | Promise<RateVerdict> {
  return bucket.takeNow() ? passedOf(bucket, bucket.isDegraded) : takeRest([bucket], specs, 0);
}

/** Goes on asking, from the first bucket that had no token here. */
async function takeRest(
  all: readonly Bucket[],
  specs: readonly BucketSpec[],
  from: number,
): Promise<RateVerdict> {
  const taken = all.slice(0, from);
  let observed: Bucket | undefined;
  for (const [index, bucket] of all.entries()) {
    if (index < from) continue;
    if (bucket.takeNow() || (await bucket.takeLater())) taken.push(bucket);
    else if (specs[index]?.isObserved === true) observed ??= bucket;
    else {
      for (const other of taken) other.giveBack();
      return refused(bucket);
    }
  }
  if (!observed) return passed(all);
  return { outcome: StageOutcome.OBSERVED, tightest: observed, failure: undefined };
}

function passed(all: readonly Bucket[]): RateVerdict {
  const tightest = all.reduce((least, one) => (one.remaining < least.remaining ? one : least));
  return passedOf(
    tightest,
    all.some(({ isDegraded }) => isDegraded),
  );
}

function passedOf(tightest: Bucket, isDegraded: boolean): RateVerdict {
  const outcome = isDegraded ? StageOutcome.DEGRADED : StageOutcome.PASSED;
  return { outcome, tightest, failure: undefined };
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
