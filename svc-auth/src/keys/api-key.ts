import { Failure } from "@gatewayops/platform/errors";
import type { Caller } from "@gatewayops/platform/rpc/caller";
import { isGranted } from "@gatewayops/platform/rpc/caller";
import type { RateLimit } from "../people/organization.ts";
import { intersectPermissions, orgPermissionsOf } from "../people/roles.ts";

/** What a key may reach and how fast. */
export type KeyScopes = {
  /** Names of servers; "*" means all, none means none. */
  readonly servers: readonly string[];
  /** "server/tool", either part may be "*". None means every tool of the servers. */
  readonly tools: readonly string[];
  /** Control-plane permissions. */
  readonly permissions: readonly string[];
  /** Sustained calls per second. 0: the gateway's default. */
  readonly rateRps: number;
  /** Calls above the rate that may come at once. 0: the gateway's default. */
  readonly rateBurst: number;
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
};

/** All that a validated key says about its caller. Holds no secret. */
export type KeyPrincipal = {
  readonly key: ApiKey;
  readonly orgName: string;
  /** Role of the key's owner. Undefined: it has none. */
  readonly ownerRole: string | undefined;
  readonly orgRateLimit: RateLimit | undefined;
  readonly teamRateLimit: RateLimit | undefined;
};

/** Why a key is not admitted. */
export type KeyRefusal = "KEY_INVALID" | "KEY_REVOKED" | "KEY_EXPIRED";

/** Every server, no control-plane permission: what a key may reach when nothing is said. */
export const DEFAULT_SCOPES: KeyScopes = {
  servers: ["*"],
  tools: [],
  permissions: [],
  rateRps: 0,
  rateBurst: 0,
};

/** Why the key may not be used now; undefined when it may. */
export function refusalOf(key: ApiKey, nowMs: number): KeyRefusal | undefined {
  if (key.revokeTime) return "KEY_REVOKED";
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

/** Checks the form of scopes from outside. Returns what is wrong. */
export function scopeProblems(scopes: KeyScopes): { field: string; message: string }[] {
  const problems: { field: string; message: string }[] = [];
  const check = (field: string, texts: readonly string[], pattern: RegExp, rule: string): void => {
    if (texts.length > LIST_MAX)
      problems.push({ field, message: `at most ${LIST_MAX} entries are allowed` });
    else if (!texts.every((text) => pattern.test(text))) problems.push({ field, message: rule });
  };
  check("scopes.servers", scopes.servers, SERVER, 'each is a server\'s name or "*"');
  check("scopes.tools", scopes.tools, TOOL, 'each is "server/tool", where either part may be "*"');
  check("scopes.permissions", scopes.permissions, PERMISSION, 'each is "resource:action"');
  if (scopes.rateRps > RATE_MAX || scopes.rateBurst > RATE_MAX)
    problems.push({ field: "scopes.rate_rps", message: `at most ${RATE_MAX} is allowed` });
  return problems;
}

/**
 * Refuses a key that could do more than its maker.
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
  if (!fresh.scopes.servers.every((s) => own.servers.includes("*") || own.servers.includes(s)))
    deny("servers that the key you use may not reach");
  if (own.tools.length > 0 && !toolsWithin(fresh.scopes.tools, own.tools))
    deny("tools that the key you use may not call");
  if (exceeds(fresh.scopes.rateRps, own.rateRps) || exceeds(fresh.scopes.rateBurst, own.rateBurst))
    deny("a higher rate than the key you use has");
  if (maker.expireTime && (!fresh.expireTime || fresh.expireTime > maker.expireTime))
    deny("a longer life than the key you use has");
}

const LIST_MAX = 1_000;
const RATE_MAX = 1_000_000;
const SERVER = /^(\*|[a-z0-9][a-z0-9_-]{0,63})$/;
const TOOL = /^(\*|[a-z0-9][a-z0-9_-]{0,63})\/[^\s]{1,256}$/;
const PERMISSION = /^(\*|[a-z_]{1,64}:(\*|[a-z_]{1,64}))$/;

function deny(what: string): never {
  throw new Failure("PERMISSION_DENIED", `The new key would have ${what}.`);
}

// No tools means all tools, so a maker that is limited to some must name some.
function toolsWithin(asked: readonly string[], own: readonly string[]): boolean {
  return asked.length > 0 && asked.every((tool) => own.some((pattern) => covers(pattern, tool)));
}

function covers(pattern: string, tool: string): boolean {
  const [server, name] = splitTool(tool);
  const [ownServer, ownName] = splitTool(pattern);
  return (ownServer === "*" || ownServer === server) && (ownName === "*" || ownName === name);
}

function splitTool(tool: string): [string, string] {
  const slash = tool.indexOf("/");
  return [tool.slice(0, slash), tool.slice(slash + 1)];
}

// 0 is the gateway's default, which may be more or less than the maker's rate.
function exceeds(asked: number, own: number): boolean {
  return own > 0 && (asked === 0 || asked > own);
}
