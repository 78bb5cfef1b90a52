import { create } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { KeyScopesSchema } from "@gatewayops/proto/gatewayops/auth/v1/api_key_pb";
import type { ValidateKeyResponse } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import type { RateLimit } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import { PolicyMode } from "@gatewayops/proto/gatewayops/auth/v1/policy_mode_pb";
import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";
import { createAccess, type Access } from "../policy/access.ts";

/** Which limit a bucket stands for. */
export type BucketScope = "key" | "team" | "org";

/** A token bucket that calls are counted against. */
export type BucketSpec = {
  readonly scope: BucketScope;
  /** UUID of the key, team or organisation. */
  readonly id: string;
  /** Tokens per second. */
  readonly rps: number;
  /** Tokens the bucket holds. */
  readonly burst: number;
  /** True: a call without a token passes, and its record says that it would have been refused. */
  readonly isObserved: boolean;
};

/** Who calls, in the shape the hot path needs: made once per key, shared by all its calls. */
export type Principal = {
  readonly keyName: string;
  readonly orgIdText: string;
  readonly teamIdText: string;
  readonly userIdText: string;
  readonly keyIdText: string;
  readonly orgId: Buffer;
  readonly teamId: Buffer;
  readonly userId: Buffer;
  readonly keyId: Buffer;
  readonly access: Access;
  readonly buckets: readonly BucketSpec[];
  /** When the key ends, milliseconds since 1970. Infinity: never. */
  readonly expireTimeMs: number;
};

/** Limits of a key that sets none itself: `rate_limiting.default_rps` and `burst_size`. */
export type DefaultLimit = { readonly rps: number; readonly burst: number };

export function principalFrom(answer: ValidateKeyResponse, defaults: DefaultLimit): Principal {
  const { apiKey } = answer;
  if (!apiKey) throw new Failure("INTERNAL", "The auth service answered without a key.");
  const buckets: BucketSpec[] = [
    {
      scope: "key",
      id: apiKey.id,
      rps: apiKey.scopes?.rateRps || defaults.rps,
      burst: apiKey.scopes?.rateBurst || apiKey.scopes?.rateRps || defaults.burst,
      isObserved: apiKey.scopes?.rateMode === PolicyMode.OBSERVE,
    },
  ];
  const { teamRateLimit, orgRateLimit, teamScopes } = answer;
  if (teamRateLimit && teamRateLimit.rps > 0)
    buckets.push(bucket("team", apiKey.teamId, teamRateLimit));
  if (orgRateLimit && orgRateLimit.rps > 0) buckets.push(bucket("org", apiKey.orgId, orgRateLimit));
  return {
    keyName: apiKey.name,
    orgIdText: apiKey.orgId,
    teamIdText: apiKey.teamId,
    userIdText: apiKey.userId,
    keyIdText: apiKey.id,
    orgId: idBytes(apiKey.orgId),
    teamId: idBytes(apiKey.teamId),
    userId: idBytes(apiKey.userId),
    keyId: idBytes(apiKey.id),
    access: createAccess([apiKey.scopes ?? NO_SCOPES, ...(teamScopes ? [teamScopes] : [])]),
    buckets,
    expireTimeMs: apiKey.expireTime ? timestampMs(apiKey.expireTime) : Number.POSITIVE_INFINITY,
  };
}

/** Of a key that svc-auth says nothing of: nothing. */
const NO_SCOPES = create(KeyScopesSchema);

function bucket(scope: BucketScope, id: string, limit: RateLimit): BucketSpec {
  const { rps, burst, mode } = limit;
  return { scope, id, rps, burst: burst || rps, isObserved: mode === PolicyMode.OBSERVE };
}

function idBytes(text: string): Buffer {
  return uuidFromText(text) ?? EMPTY;
}
