import { generateApiKey, parseApiKey } from "@gatewayops/platform/api-key";
import { Failure, invalidRequest } from "@gatewayops/platform/errors";
import type { Caller } from "@gatewayops/platform/rpc/caller";
import { restricts } from "../access/access-scopes.ts";
import type { Clock } from "../clock.ts";
import { ownKeysOnly } from "../people/roles.ts";
import type { TeamStore } from "../people/team-store.ts";
import { Secret } from "../secret.ts";
import { requireWithinMaker, type ApiKey, type KeyScopes } from "./api-key.ts";
import type { KeyHasher } from "./key-hasher.ts";
import type { KeyStore } from "./key-store.ts";

/** Makes keys for callers. */
export type KeyMaker = {
  /**
   * Makes a key that belongs to the caller and can do no more than the caller.
   *
   * @throws Failure PERMISSION_DENIED, REQUEST_INVALID, NOT_FOUND for a team of another organisation
   */
  make(caller: Caller, wish: KeyWish): Promise<{ key: ApiKey; secret: Secret }>;
  /**
   * Admits new scopes of a key, which can do no more with them than the caller.
   *
   * @throws Failure PERMISSION_DENIED
   */
  admit(caller: Caller, key: ApiKey, scopes: KeyScopes): Promise<void>;
};

export type KeyWish = {
  readonly name: string;
  readonly environment: string;
  readonly teamId: string | undefined;
  readonly scopes: KeyScopes;
  readonly expireTime: Date | undefined;
};

export type KeyMakerOptions = Clock & {
  readonly keys: Pick<KeyStore, "create" | "get">;
  readonly teams: Pick<TeamStore, "get" | "isMember">;
  readonly hasher: KeyHasher;
};

export function createKeyMaker(options: KeyMakerOptions): KeyMaker {
  const { keys, hasher, now, newId } = options;
  return {
    async make(caller, wish) {
      if (wish.expireTime && !(wish.expireTime.getTime() > now()))
        throw invalidRequest([{ field: "expire_time", message: "must be in the future" }]);
      await requireWithin(caller, wish);
      if (wish.teamId !== undefined) await requireTeam(caller, wish.teamId);
      const text = generateApiKey(wish.environment);
      const parsed = parseApiKey(text);
      if (!parsed) throw new Error("a key of ours does not parse");
      const key: ApiKey = {
        id: newId(),
        orgId: caller.orgId,
        userId: caller.userId === "" ? undefined : caller.userId,
        teamId: wish.teamId,
        name: wish.name,
        environment: wish.environment,
        prefix: parsed.prefix,
        scopes: wish.scopes,
        createTime: new Date(now()),
        expireTime: wish.expireTime,
        lastUsedTime: undefined,
        revokeTime: undefined,
        suspendTime: undefined,
      };
      const hash = await hasher.hash(text);
      await keys.create(caller.orgId, { key, hash, checksum: parsed.checksum });
      return { key, secret: new Secret(text) };
    },
    admit: (caller, key, scopes) => requireWithin(caller, { ...key, scopes }),
  };

  async function requireWithin(
    caller: Caller,
    fresh: Pick<KeyWish, "scopes" | "expireTime" | "teamId">,
  ): Promise<void> {
    const maker = caller.keyId === "" ? undefined : await keyOf(caller);
    requireWithinMaker(fresh, caller, maker);
    if (maker?.teamId === undefined || maker.teamId === fresh.teamId) return;
    const team = await options.teams.get(caller.orgId, maker.teamId);
    if (team?.scopes && restricts(team.scopes))
      throw new Failure(
        "PERMISSION_DENIED",
        "The key you use is limited by its team's scopes. Make the key for the same team.",
      );
  }

  async function keyOf(caller: Caller): Promise<ApiKey> {
    const key = await keys.get(caller.orgId, caller.keyId);
    if (!key) throw new Failure("KEY_INVALID", "The API key you use does not exist any more.");
    return key;
  }

  // A team pays for the calls of its keys, so only its people, and administrators, make one in its name.
  async function requireTeam(caller: Caller, teamId: string): Promise<void> {
    if (!(await options.teams.get(caller.orgId, teamId)))
      throw new Failure("NOT_FOUND", "The organisation has no such team.");
    if (!ownKeysOnly(caller)) return;
    if (!(await options.teams.isMember(caller.orgId, teamId, caller.userId)))
      throw new Failure("PERMISSION_DENIED", "You are not a member of this team.");
  }
}
