import { Failure } from "@gatewayops/platform/errors";
import type { Caller } from "@gatewayops/platform/rpc/caller";
import { isGranted } from "@gatewayops/platform/rpc/caller";
import { accessBeyond, NO_ACCESS, type AccessScopes } from "../access/access-scopes.ts";
import type { PolicyMode } from "../access/policy-mode.ts";
import type { RateLimit } from "../people/organization.ts";
import { intersectPermissions, orgPermissionsOf } from "../people/roles.ts";

/** What a key may reach and how fast. */
export type KeyScopes = AccessScopes & {
  /** Control-plane permissions. */
  readonly permissions: readonly string[];
  /** Sustained calls per second. 0: the gateway's default. */
  readonly rateRps: number;
  /** Calls above the rate that may come at once. 0: the gateway's default. */
  readonly rateBurst: number;
  readonly rateMode: PolicyMode;
};

/** A key without its secret and hash. */
export type ApiKey = {
  readonly id: string;
  readonly orgId: string;
  /** Undefined: the key of a team or a service. */
  readonly userId: string | undefined;
  readonly teamId: string | undefined;
  readonly name: string;
  readonly environment: string;
  readonly prefix: string;
  readonly scopes: KeyScopes;
  readonly createTime: Date;
  readonly expireTime: Date | undefined;
  readonly lastUsedTime: Date | undefined;
  readonly revokeTime: Date | undefined;
  /** Set while it is suspended. */
  readonly suspendTime: Date | undefined;
};

/** All that a validated key says about its caller. Holds no secret. */
export type KeyPrincipal = {
  readonly key: ApiKey;
  readonly orgName: string;
  /** Role of the key's owner. Undefined: it has none. */
  readonly ownerRole: string | undefined;
  readonly orgRateLimit: RateLimit | undefined;
  readonly teamRateLimit: RateLimit | undefined;
  /** Undefined: the team restricts nothing. */
  readonly teamScopes: AccessScopes | undefined;
};

/** Why a key is not admitted. */
export type KeyRefusal = "KEY_INVALID" | "KEY_REVOKED" | "KEY_SUSPENDED" | "KEY_EXPIRED";

/** Nothing at all: what scopes are completed with that were stored before there was more to say. */
export const NO_KEY_SCOPES: KeyScopes = {
  ...NO_ACCESS,
  permissions: [],
  rateRps: 0,
  rateBurst: 0,
  rateMode: "enforce",
};

/** Every server, no control-plane permission: what a key may reach when nothing is said. */
export const DEFAULT_SCOPES: KeyScopes = { ...NO_KEY_SCOPES, servers: ["*"] };

/** Why the key may not be used now; undefined when it may. */
export function refusalOf(key: ApiKey, nowMs: number): KeyRefusal | undefined {
  if (key.revokeTime) return "KEY_REVOKED";
  if (key.suspendTime) return "KEY_SUSPENDED";
  if (key.expireTime && key.expireTime.getTime() <= nowMs) return "KEY_EXPIRED";
  return undefined;
}

/** The failure of a refused key. Says nothing about keys that do not exist. */
export function refusalFailure(refusal: KeyRefusal): Failure {
  switch (refusal) {
    case "KEY_INVALID":
      return new Failure("KEY_INVALID", "The API key is not valid. Check it, or make a new one.");
    case "KEY_REVOKED":
      return new Failure("KEY_REVOKED", "The API key was revoked. Use another, or make a new one.");
    case "KEY_SUSPENDED":
      return new Failure("KEY_SUSPENDED", "The API key is suspended. Ask an administrator.");
    case "KEY_EXPIRED":
      return new Failure("KEY_EXPIRED", "The API key has expired. Make a new one.");
  }
}

/** The caller that a key stands for. Its permissions never exceed those of its owner's role. */
export function callerOfKey(principal: KeyPrincipal): Caller {
  const { key, ownerRole } = principal;
  const scoped = new Set(key.scopes.permissions);
  return {
    orgId: key.orgId,
    orgName: principal.orgName,
    userId: key.userId ?? "",
    keyId: key.id,
    email: "",
    name: key.name,
    role: ownerRole ?? "",
    permissions:
      key.userId === undefined
        ? scoped
        : intersectPermissions(scoped, orgPermissionsOf(ownerRole ?? "")),
    expireTime: key.expireTime,
  };
}

/**
 * Refuses a key that could do more than who makes or changes it.
 *
 * @param maker the API key that asks; undefined when a person does, who may reach every server
 * @throws Failure PERMISSION_DENIED
 */
export function requireWithinMaker(
  fresh: { readonly scopes: KeyScopes; readonly expireTime: Date | undefined },
  caller: Pick<Caller, "permissions">,
  maker: ApiKey | undefined,
): void {
  const missing = fresh.scopes.permissions.filter((p) => !isGranted(caller.permissions, p));
  if (missing.length > 0) deny(`the permissions ${missing.join(", ")}, which you do not have`);
  if (!maker) return;
  const own = maker.scopes;
  const beyond = accessBeyond(fresh.scopes, own);
  if (beyond !== undefined) deny(beyond);
  if (
    exceeds(fresh.scopes.rateRps, own.rateRps) ||
    exceeds(fresh.scopes.rateBurst, own.rateBurst) ||
    (own.rateRps > 0 && own.rateMode === "enforce" && fresh.scopes.rateMode !== "enforce")
  )
    deny("a higher rate than the key you use has");
  if (maker.expireTime && (!fresh.expireTime || fresh.expireTime > maker.expireTime))
    deny("a longer life than the key you use has");
}

function deny(what: string): never {
  throw new Failure("PERMISSION_DENIED", `The key would have ${what}.`);
}

// 0 is the gateway's default, which may be more or less than the maker's rate.
function exceeds(asked: number, own: number): boolean {
  return own > 0 && (asked === 0 || asked > own);
}
