import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ValidateKeyResponse } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";

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
};

/** Who calls, in the shape the hot path needs: made once per key, shared by all its calls. */
export type Principal = {
  readonly keyName: string;
  readonly orgIdText: string;
  readonly teamIdText: string;
  readonly keyIdText: string;
  readonly orgId: Buffer;
  readonly teamId: Buffer;
  readonly userId: Buffer;
  readonly keyId: Buffer;
  readonly scopes: Scopes;
  readonly buckets: readonly BucketSpec[];
  /** When the key ends, milliseconds since 1970. Infinity: never. */
  readonly expireTimeMs: number;
};

/** What a key may reach: nothing that is not named. */
export type Scopes = {
  allowsServer(server: string): boolean;
  allowsTool(server: string, tool: string): boolean;
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
    },
  ];
  const { teamRateLimit, orgRateLimit } = answer;
  if (teamRateLimit && teamRateLimit.rps > 0)
    buckets.push(bucket("team", apiKey.teamId, teamRateLimit));
  if (orgRateLimit && orgRateLimit.rps > 0) buckets.push(bucket("org", apiKey.orgId, orgRateLimit));
  return {
    keyName: apiKey.name,
    orgIdText: apiKey.orgId,
    teamIdText: apiKey.teamId,
    keyIdText: apiKey.id,
    orgId: idBytes(apiKey.orgId),
    teamId: idBytes(apiKey.teamId),
    userId: idBytes(apiKey.userId),
    keyId: idBytes(apiKey.id),
    scopes: createScopes(apiKey.scopes?.servers ?? [], apiKey.scopes?.tools ?? []),
    buckets,
    expireTimeMs: apiKey.expireTime ? timestampMs(apiKey.expireTime) : Number.POSITIVE_INFINITY,
  };
}

/**
 * @param servers names, or "*" for all; none means no server
 * @param tools "server/tool" where either part may be "*"; none means every tool of the servers
 */
export function createScopes(servers: readonly string[], tools: readonly string[]): Scopes {
  const names = new Set(servers);
  const anyServer = names.has("*");
  // By server, by tool: a joined key would be built and hashed anew for every call.
  const patterns = new Map<string, Set<string>>();
  for (const pattern of tools) {
    // Server names hold no slash, so the first one ends them; tool names may. Without one it names no tool.
    const slash = pattern.indexOf("/");
    const server = slash < 0 ? pattern : pattern.slice(0, slash);
    const allowed = patterns.get(server) ?? new Set<string>();
    patterns.set(server, slash < 0 ? allowed : allowed.add(pattern.slice(slash + 1)));
  }
  const allows = (server: string, tool: string): boolean => {
    const allowed = patterns.get(server);
    return allowed !== undefined && (allowed.has(tool) || allowed.has("*"));
  };
  return {
    allowsServer: (server) => anyServer || names.has(server),
    allowsTool: (server, tool) => patterns.size === 0 || allows(server, tool) || allows("*", tool),
  };
}

function bucket(scope: BucketScope, id: string, limit: { rps: number; burst: number }): BucketSpec {
  return { scope, id, rps: limit.rps, burst: limit.burst || limit.rps };
}

function idBytes(text: string): Buffer {
  return uuidFromText(text) ?? EMPTY;
}
