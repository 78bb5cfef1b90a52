/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import { Failure } from "@gatewayops/platform/errors";
import { compareKeys, type MemoryTables } from "../memory-tables.ts";
import { pageOf } from "../page.ts";
import type { User } from "./organization.ts";
import type { UserStore } from "./user-store.ts";

export function createMemoryUserStore(tables: MemoryTables): UserStore {
  const ofOrg = (orgId: string): User[] =>
    [...tables.users.values()].filter((user) => user.orgId === orgId);
  const get = (orgId: string, userId: string): User | undefined => {
    const user = tables.users.get(userId);
    return user?.orgId === orgId ? user : undefined;
  };
  return {
    async get(orgId, userId) {
      return get(orgId, userId);
    },
    async create(orgId, user, passwordHash) {
      if (ofOrg(orgId).some((other) => other.email === user.email))
        throw new Failure("ALREADY_EXISTS", "A person with this e-mail address exists.");
      tables.users.set(user.id, { ...user, orgId });
      tables.passwords.set(`${orgId}/${user.id}`, passwordHash);
      return user;
    },
    async ensure(orgId, fresh) {
      const found = ofOrg(orgId).find((user) => user.email === fresh.email);
      if (!found) tables.users.set(fresh.id, { ...fresh, orgId });
      return found ?? fresh;
    },
    async list(orgId, { limit, after }) {
      const rows = ofOrg(orgId)
        .sort((a, b) => compareKeys([a.email], [b.email]))
        .filter((user) => after === undefined || compareKeys([user.email], after) > 0);
      return pageOf(rows.slice(0, limit + 1), limit, (user) => [user.email]);
    },
    async setPassword(orgId, userId, passwordHash) {
      tables.passwords.set(`${orgId}/${userId}`, passwordHash);
    },
    async passwordHash(orgId, userId) {
      return tables.passwords.get(`${orgId}/${userId}`);
    },
    async recordLogin(orgId, userId, time) {
      const user = get(orgId, userId);
      if (user) tables.users.set(userId, { ...user, lastLoginTime: time });
    },
    async findForSignIn(email, limit) {
      return [...tables.users.values()]
        .filter((user) => user.email === email)
        .flatMap((user) => {
          const passwordHash = tables.passwords.get(`${user.orgId}/${user.id}`);
          return passwordHash === undefined ? [] : [{ user, passwordHash }];
        })
        .slice(0, limit);
    },
  };
}
