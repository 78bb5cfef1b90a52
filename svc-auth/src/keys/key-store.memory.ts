/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import { isDeepStrictEqual } from "node:util";
import type { ChangeStamp } from "@gatewayops/platform/changes/change-store";
import { Failure } from "@gatewayops/platform/errors";
import { compareKeys, type MemoryTables } from "../memory-tables.ts";
import { pageOf } from "../page.ts";
import type { RateLimit } from "../people/organization.ts";
import type { ApiKey } from "./api-key.ts";
import { changeOfKey, type ChangedKey, type KeyStore } from "./key-store.ts";

export function createMemoryKeyStore(tables: MemoryTables): KeyStore {
  const rowOf = (orgId: string, keyId: string) => {
    const row = tables.keys.get(keyId);
    return row?.key.orgId === orgId ? row : undefined;
  };
  return {
    async create(orgId, { key, hash, checksum }) {
      if (key.teamId !== undefined && tables.teams.get(key.teamId)?.orgId !== orgId)
        throw new Failure("NOT_FOUND", "The organisation has no such team.");
      if (key.userId !== undefined && tables.users.get(key.userId)?.orgId !== orgId)
        throw new Failure("NOT_FOUND", "The organisation has no such person.");
      if (find(key.prefix, checksum)) throw new Failure("ALREADY_EXISTS", "This key exists.");
      tables.keys.set(key.id, { key: { ...key, orgId }, hash, checksum });
      return key;
    },
    async get(orgId, keyId) {
      return rowOf(orgId, keyId)?.key;
    },
    async list(orgId, { ownerId, page: { limit, after } }) {
      const rows = [...tables.keys.values()]
        .map((row) => row.key)
        .filter((key) => key.orgId === orgId && (ownerId === undefined || key.userId === ownerId))
        .sort((a, b) => compareKeys([b.id], [a.id]))
        .filter((key) => after === undefined || compareKeys([key.id], after) < 0);
      return pageOf(rows.slice(0, limit + 1), limit, (key) => [key.id]);
    },
    async revoke(orgId, keyId, stamp) {
      return change(orgId, keyId, stamp, (key) =>
        key.revokeTime ? key : { ...key, revokeTime: stamp.time },
      );
    },
    async update(orgId, keyId, { name, scopes, suspended }, stamp) {
      return change(orgId, keyId, stamp, (key) => ({
        ...key,
        name: name ?? key.name,
        scopes: scopes ?? key.scopes,
        suspendTime:
          (suspended ?? key.suspendTime !== undefined)
            ? (key.suspendTime ?? stamp.time)
            : undefined,
      }));
    },
    async prefixes(orgId, { teamId, after, limit }) {
      return [...tables.keys.values()]
        .map((row) => row.key)
        .filter((key) => key.orgId === orgId && !key.revokeTime)
        .filter((key) => teamId === undefined || key.teamId === teamId)
        .filter((key) => after === undefined || compareKeys([key.id], [after]) > 0)
        .sort((a, b) => compareKeys([a.id], [b.id]))
        .slice(0, limit)
        .map(({ id, prefix }) => ({ id, prefix }));
    },
    async recordUses(uses) {
      for (const { orgId, keyId, time } of uses) {
        const row = rowOf(orgId, keyId);
        if (row && !(row.key.lastUsedTime && row.key.lastUsedTime >= time))
          tables.keys.set(keyId, { ...row, key: { ...row.key, lastUsedTime: time } });
      }
    },
    async findByPrefix(prefix, checksum) {
      const row = find(prefix, checksum);
      const org = row && tables.organizations.get(row.key.orgId);
      if (!org) return undefined;
      const { key, hash } = row;
      const team = key.teamId === undefined ? undefined : tables.teams.get(key.teamId);
      const owner = key.userId === undefined ? undefined : tables.users.get(key.userId);
      return {
        hash,
        principal: {
          key,
          orgName: org.name,
          ownerRole: owner?.role,
          orgRateLimit: limitOf(org.rateLimit),
          teamRateLimit: limitOf(team?.rateLimit),
          teamScopes: team?.scopes,
        },
      };
    },
    async activity({ now, usedSince }) {
      const keys = [...tables.keys.values()].map((row) => row.key);
      const used = keys.filter((key) => key.lastUsedTime && key.lastUsedTime >= usedSince);
      return {
        activeKeys: keys.filter(
          (key) => !key.revokeTime && !(key.expireTime && key.expireTime <= now),
        ).length,
        activeOrganizations: new Set(used.map((key) => key.orgId)).size,
      };
    },
  };

  function find(prefix: string, checksum: string) {
    return [...tables.keys.values()].find(
      (row) => row.key.prefix === prefix && row.checksum === checksum,
    );
  }

  function change(
    orgId: string,
    keyId: string,
    stamp: ChangeStamp,
    edit: (key: ApiKey) => ApiKey,
  ): ChangedKey | undefined {
    const row = rowOf(orgId, keyId);
    if (!row) return undefined;
    const key = edit(row.key);
    if (isDeepStrictEqual(key, row.key)) return { key, change: undefined };
    tables.keys.set(keyId, { ...row, key });
    const pending = changeOfKey(key, stamp);
    tables.changes.set(pending.id, pending);
    return { key, change: pending };
  }
}

function limitOf(limit: RateLimit | undefined): RateLimit | undefined {
  return limit && limit.rps > 0 ? limit : undefined;
}
