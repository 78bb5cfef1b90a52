import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import type { AuthChange } from "../changes/auth-change.ts";
import type { Page, PageRequest } from "../page.ts";
import type { ApiKey, KeyPrincipal, KeyScopes } from "./api-key.ts";

/** API keys. */
export type KeyStore = {
  /**
   * Adds a key. Fails with ALREADY_EXISTS when its prefix and checksum are taken, in whatever organisation, and with
   * NOT_FOUND when the team or the owner is not of the organisation.
   */
  create(orgId: string, fresh: NewKey): Promise<ApiKey>;
  get(orgId: string, keyId: string): Promise<ApiKey | undefined>;
  /** Newest first. Sort key [id]. Of one owner when `ownerId` is given. */
  list(
    orgId: string,
    query: { ownerId?: string | undefined; page: PageRequest },
  ): Promise<Page<ApiKey>>;
  /**
   * Revokes a key and leaves the change to be told. Undefined when the key is unknown. A second time changes nothing and
   * returns no change.
   */
  revoke(orgId: string, keyId: string, change: ChangeStamp): Promise<ChangedKey | undefined>;
  /** Changes what is given, and when it is suspended or resumed. As `revoke` otherwise. */
  update(
    orgId: string,
    keyId: string,
    edit: KeyEdit,
    change: ChangeStamp,
  ): Promise<ChangedKey | undefined>;
  /** Prefixes of keys that are not revoked, of one team when `teamId` is given, in the order of their ids. */
  prefixes(
    orgId: string,
    query: { teamId?: string | undefined; after: string | undefined; limit: number },
  ): Promise<{ readonly id: string; readonly prefix: string }[]>;
  /** Notes when keys were last used; an older time than the known one is ignored. Unknown keys are no error. */
  recordUses(uses: readonly KeyUse[]): Promise<void>;
  /**
   * The key with this prefix and checksum in any organisation, with all that its validation needs, in one snapshot. The
   * organisation is not known before.
   */
  findByPrefix(prefix: string, checksum: string): Promise<KeyCandidate | undefined>;
  /** Counts over all organisations, for metrics. Reads every key. */
  activity(at: { readonly now: Date; readonly usedSince: Date }): Promise<KeyActivity>;
};

export type KeyEdit = {
  readonly name?: string | undefined;
  readonly scopes?: KeyScopes | undefined;
  readonly suspended?: boolean | undefined;
};

export type KeyActivity = {
  /** Keys that are neither revoked nor expired. */
  readonly activeKeys: number;
  /** Organisations of which a key was used since. */
  readonly activeOrganizations: number;
};

export type NewKey = {
  readonly key: ApiKey;
  /** bcrypt hash of the secret. */
  readonly hash: string;
  /** The secret's last six characters. */
  readonly checksum: string;
};

export type ChangedKey = { readonly key: ApiKey; readonly change: AuthChange | undefined };

export type KeyUse = { readonly orgId: string; readonly keyId: string; readonly time: Date };

export type KeyCandidate = { readonly principal: KeyPrincipal; readonly hash: string };

/** The change that a changed key is told as. */
export function changeOfKey(key: ApiKey, stamp: ChangeStamp): AuthChange {
  return {
    id: stamp.changeId,
    orgId: key.orgId,
    invalidation: { kind: "key", orgId: key.orgId, keyId: key.id },
    keyPrefix: key.prefix,
    adminEvents: undefined,
    createTime: stamp.time,
  };
}
