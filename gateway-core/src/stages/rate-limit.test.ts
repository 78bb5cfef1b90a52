import { describe, expect, it } from "@jest/globals";
import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { Redis } from "ioredis";
import type { BucketSpec, Principal } from "../control/principal.ts";
import { createRateLimitStage } from "./rate-limit.ts";
import { TokenBuckets } from "./token-buckets.ts";

/** A Redis whose buckets hold so many tokens and never get more; undefined: it is away. */
function redisWith(tokens: Record<string, number> | undefined): Redis {
  return {
    eval: (_script: string, _keys: number, key: string, ...args: string[]) => {
      if (!tokens) return Promise.reject(new Error("away"));
      const id = key.slice("gwo:{rate:".length, -1);
      const granted = Math.min(tokens[id] ?? 0, Number(args[2]));
      tokens[id] = (tokens[id] ?? 0) - granted;
      return Promise.resolve([granted, tokens[id], tokens[id] > 0 ? 0 : 2_500]);
    },
  } as unknown as Redis;
}

const bucket = (scope: BucketSpec["scope"], id: string, burst = 1): BucketSpec => ({
  scope,
  id,
  rps: 1,
  burst,
  isObserved: false,
});
const observed = (scope: BucketSpec["scope"], id: string): BucketSpec => ({
  ...bucket(scope, id),
  isObserved: true,
});
const principalWith = (...buckets: BucketSpec[]): Principal =>
  ({ buckets }) as unknown as Principal;

function stageOn(redis: Redis, options: { isEnabled?: boolean; now?: () => number } = {}) {
  const buckets = new TokenBuckets({ redis, sharers: 1, now: options.now ?? (() => 0) });
  return createRateLimitStage(buckets, options.isEnabled ?? true);
}

describe("the rate limit stage", () => {
  it("says that nothing is configured when limits are off", () => {
    const limit = stageOn(redisWith({}), { isEnabled: false });
    expect(limit(principalWith(bucket("key", "k")))).toEqual({
      outcome: StageOutcome.NOT_CONFIGURED,
      tightest: undefined,
      failure: undefined,
    });
  });

  it("lets a call pass while there are tokens, and refuses it when there are none", async () => {
    const limit = stageOn(redisWith({ k: 2 }));
    const principal = principalWith(bucket("key", "k"));
    expect((await limit(principal)).outcome).toBe(StageOutcome.PASSED);
    expect((await limit(principal)).outcome).toBe(StageOutcome.PASSED);
    const refused = await limit(principal);
    expect(refused.outcome).toBe(StageOutcome.REFUSED);
    expect(refused.failure).toMatchObject({ reason: "RATE_LIMITED", retryAfterMs: 2_500 });
    expect(refused.failure?.message).toBe(
      "The API key may make 1 calls per second (1 at once). Try again in 3 s.",
    );
  });

  it("names the bucket that refused: key, team or organisation", async () => {
    const specs = [bucket("key", "k"), bucket("team", "t"), bucket("org", "o")];
    const refusing = async (tokens: Record<string, number>): Promise<string | undefined> =>
      (await stageOn(redisWith(tokens))(principalWith(...specs))).tightest?.spec.scope;
    expect(await refusing({ k: 0, t: 5, o: 5 })).toBe("key");
    expect(await refusing({ k: 5, t: 0, o: 5 })).toBe("team");
    expect(await refusing({ k: 5, t: 5, o: 0 })).toBe("org");
  });

  it("gives back the tokens of a call that another bucket refused", async () => {
    const tokens = { k: 1, t: 0 };
    const limit = stageOn(redisWith(tokens));
    const both = principalWith(bucket("key", "k"), bucket("team", "t"));
    expect((await limit(both)).outcome).toBe(StageOutcome.REFUSED);
    tokens.t = 1;
    expect((await limit(both)).outcome).toBe(StageOutcome.PASSED);
    expect((await limit(both)).outcome).toBe(StageOutcome.REFUSED);
  });

  it("lets pass what a limit only observes, and says so", async () => {
    const limit = stageOn(redisWith({ k: 1 }));
    const principal = principalWith(observed("key", "k"));
    expect((await limit(principal)).outcome).toBe(StageOutcome.PASSED);
    expect(await limit(principal)).toMatchObject({
      outcome: StageOutcome.OBSERVED,
      tightest: { spec: { scope: "key" } },
      failure: undefined,
    });
  });

  it("refuses by the limits that are enforced beside those that observe", async () => {
    const tokens = { k: 0, t: 1 };
    const limit = stageOn(redisWith(tokens));
    const both = principalWith(observed("key", "k"), bucket("team", "t"));
    expect((await limit(both)).outcome).toBe(StageOutcome.OBSERVED);
    expect((await limit(both)).failure?.reason).toBe("RATE_LIMITED");
    const observing = principalWith(bucket("key", "k2"), observed("team", "t"));
    Object.assign(tokens, { k2: 2 });
    expect((await limit(observing)).outcome).toBe(StageOutcome.OBSERVED);
    expect((await limit(observing)).outcome).toBe(StageOutcome.OBSERVED);
    expect((await limit(observing)).outcome).toBe(StageOutcome.REFUSED);
  });

  it("speaks of the bucket with least left", async () => {
    const limit = stageOn(redisWith({ k: 50, t: 3 }));
    const verdict = await limit(principalWith(bucket("key", "k", 50), bucket("team", "t", 3)));
    expect(verdict.tightest?.spec.scope).toBe("team");
  });

  it("decides alone while Redis is away, and says so", async () => {
    const limit = stageOn(redisWith(undefined));
    const principal = principalWith(bucket("key", "k", 2));
    expect((await limit(principal)).outcome).toBe(StageOutcome.DEGRADED);
    expect((await limit(principal)).outcome).toBe(StageOutcome.DEGRADED);
    expect((await limit(principal)).outcome).toBe(StageOutcome.REFUSED);
  });
});
