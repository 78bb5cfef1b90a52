import { describe, expect, it } from "@jest/globals";
import { NO_ACCESS, type AccessScopes } from "../src/access/access-scopes.ts";
import type { Stores } from "../src/stores.ts";
import { aKey, anOrganization, aTeam, aUser, newId, seedOrg, TIME } from "./samples.ts";

const TEAM_SCOPES: AccessScopes = { ...NO_ACCESS, servers: ["a"], denyTools: ["a/rm"] };
const LATER = new Date(TIME.getTime() + 60_000);

export function describeKeyStore(name: string, open: () => Stores): void {
  describe(`KeyStore, ${name}`, () => {
    it("keeps every field of a key", async () => {
      const { keys, ...stores } = open();
      const { orgId, user, team } = await seedOrg({ keys, ...stores });
      const fresh = aKey(orgId, {
        userId: user.id,
        teamId: team.id,
        expireTime: LATER,
        scopes: {
          servers: ["a", "b"],
          tools: ["a/*"],
          permissions: ["traces:read"],
          rateRps: 5,
          rateBurst: 7,
          resources: ["a/file:///*"],
          prompts: ["a/p"],
          denyTools: ["a/rm"],
          denyResources: ["*/x"],
          denyPrompts: ["b/*"],
          scopesMode: "observe",
          rateMode: "observe",
        },
      });
      await keys.create(orgId, fresh);
      expect(await keys.get(orgId, fresh.key.id)).toEqual(fresh.key);
      expect(await keys.get(newId(), fresh.key.id)).toBeUndefined();
    });

    it("refuses a prefix and checksum that are taken anywhere", async () => {
      const stores = open();
      const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
      const fresh = aKey(a.orgId);
      await stores.keys.create(a.orgId, fresh);
      const again = stores.keys.create(b.orgId, {
        ...fresh,
        key: { ...fresh.key, id: newId(), orgId: b.orgId },
      });
      await expect(again).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
    });

    it("refuses a team and an owner of another organisation", async () => {
      const stores = open();
      const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
      for (const changes of [{ teamId: b.team.id }, { userId: b.user.id }])
        await expect(stores.keys.create(a.orgId, aKey(a.orgId, changes))).rejects.toMatchObject({
          reason: "NOT_FOUND",
        });
    });

    it("lists newest first, page by page, of one owner or all, of the organisation only", async () => {
      const stores = open();
      const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
      const oldest = aKey(a.orgId, { userId: a.user.id });
      const others = aKey(a.orgId);
      const newest = aKey(a.orgId, { userId: a.user.id });
      for (const fresh of [newest, oldest, others]) await stores.keys.create(a.orgId, fresh);
      await stores.keys.create(b.orgId, aKey(b.orgId));
      const ids = (page: { items: readonly { id: string }[] }) => page.items.map((key) => key.id);
      const all = await stores.keys.list(a.orgId, { page: { limit: 2, after: undefined } });
      expect(ids(all)).toEqual([newest.key.id, others.key.id]);
      expect(all.cursor).not.toBe("");
      const rest = await stores.keys.list(a.orgId, { page: { limit: 2, after: [others.key.id] } });
      expect(ids(rest)).toEqual([oldest.key.id]);
      expect(rest.cursor).toBe("");
      const own = { ownerId: a.user.id, page: { limit: 9, after: undefined } };
      expect(ids(await stores.keys.list(a.orgId, own))).toEqual([newest.key.id, oldest.key.id]);
    });

    it("revokes once, keeps the first time, and leaves one change to be told", async () => {
      const stores = open();
      const { orgId } = await seedOrg(stores);
      const { key, ...fresh } = aKey(orgId);
      await stores.keys.create(orgId, { key, ...fresh });
      const stamp = { changeId: newId(), time: TIME };
      const first = await stores.keys.revoke(orgId, key.id, stamp);
      expect(first?.key).toEqual({ ...key, revokeTime: TIME });
      expect(first?.change).toEqual({
        id: stamp.changeId,
        orgId,
        invalidation: { kind: "key", orgId, keyId: key.id },
        keyPrefix: key.prefix,
        createTime: TIME,
      });
      const again = { changeId: newId(), time: LATER };
      const second = await stores.keys.revoke(orgId, key.id, again);
      expect(second).toEqual({ key: first?.key, change: undefined });
      const pending = await stores.changes.pending(new Date(LATER.getTime() + 1), 1_000);
      expect(pending.filter((change) => change.orgId === orgId)).toEqual([first?.change]);
    });

    it("does not revoke a key of another organisation", async () => {
      const stores = open();
      const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
      const fresh = aKey(a.orgId);
      await stores.keys.create(a.orgId, fresh);
      const stamp = { changeId: newId(), time: TIME };
      expect(await stores.keys.revoke(b.orgId, fresh.key.id, stamp)).toBeUndefined();
      expect((await stores.keys.get(a.orgId, fresh.key.id))?.revokeTime).toBeUndefined();
    });

    it("changes name and scopes, and nothing when they are the same", async () => {
      const { keys, ...stores } = open();
      const { orgId } = await seedOrg({ keys, ...stores });
      const { key, ...fresh } = aKey(orgId);
      await keys.create(orgId, { key, ...fresh });
      const { name: oldName, scopes } = key;
      const stamp = () => ({ changeId: newId(), time: TIME });
      expect((await keys.update(orgId, key.id, { name: oldName, scopes }, stamp()))?.change).toBe(
        undefined,
      );
      const narrower = { ...scopes, servers: ["a"] };
      const changed = await keys.update(orgId, key.id, { name: "x", scopes: narrower }, stamp());
      expect(changed?.key).toEqual({ ...key, name: "x", scopes: narrower });
      expect(changed?.change?.keyPrefix).toBe(key.prefix);
    });

    it("suspends and resumes a key, in its own organisation", async () => {
      const { keys, ...stores } = open();
      const { orgId } = await seedOrg({ keys, ...stores });
      const { key, ...fresh } = aKey(orgId);
      await keys.create(orgId, { key, ...fresh });
      const at = (time: Date) => ({ changeId: newId(), time });
      const set = (suspended: boolean, time: Date) =>
        keys.update(orgId, key.id, { suspended }, at(time));
      expect(await keys.update(newId(), key.id, { suspended: true }, at(TIME))).toBeUndefined();
      expect(await set(true, TIME)).toMatchObject({
        key: { ...key, suspendTime: TIME },
        change: { keyPrefix: key.prefix },
      });
      expect(await set(true, LATER)).toEqual({
        key: { ...key, suspendTime: TIME },
        change: undefined,
      });
      expect((await keys.update(orgId, key.id, { name: "y" }, at(LATER)))?.key.suspendTime).toEqual(
        TIME,
      );
      expect((await set(false, LATER))?.key).toEqual({ ...key, name: "y" });
      expect((await set(false, LATER))?.change).toBeUndefined();
    });

    it("lists prefixes of keys in use, of an organisation or a team, in order", async () => {
      const { keys, ...stores } = open();
      const { orgId, team } = await seedOrg({ keys, ...stores });
      const made = [aKey(orgId, { teamId: team.id }), aKey(orgId), aKey(orgId)];
      for (const fresh of made) await keys.create(orgId, fresh);
      const [ofTeam, plain, revoked] = made.map(({ key }) => ({ id: key.id, prefix: key.prefix }));
      await keys.revoke(orgId, revoked?.id ?? "", { changeId: newId(), time: TIME });
      const list = (teamId: string | undefined, after: string | undefined, limit = 10) =>
        keys.prefixes(orgId, { teamId, after, limit });
      expect(await list(undefined, undefined)).toEqual([ofTeam, plain]);
      expect(await list(undefined, undefined, 1)).toEqual([ofTeam]);
      expect(await list(undefined, ofTeam?.id)).toEqual([plain]);
      expect(await list(team.id, undefined)).toEqual([ofTeam]);
      const foreign = { teamId: undefined, after: undefined, limit: 10 };
      expect(await keys.prefixes(newId(), foreign)).toEqual([]);
    });

    it("finds a key with what its validation needs", async () => {
      const stores = open();
      const { id: orgId } = await stores.organizations.ensure(
        anOrganization({ name: "Big", rateLimit: { rps: 100, burst: 200, mode: "observe" } }),
      );
      const owner = await stores.users.ensure(orgId, aUser(orgId, { role: "org_viewer" }));
      const team = await stores.teams.create(
        orgId,
        aTeam(orgId, { rateLimit: { rps: 3, burst: 4, mode: "enforce" }, scopes: TEAM_SCOPES }),
      );
      const fresh = aKey(orgId, { userId: owner.id, teamId: team.id });
      await stores.keys.create(orgId, fresh);
      expect(await stores.keys.findByPrefix(fresh.key.prefix, fresh.checksum)).toEqual({
        hash: fresh.hash,
        principal: {
          key: fresh.key,
          orgName: "Big",
          ownerRole: "org_viewer",
          orgRateLimit: { rps: 100, burst: 200, mode: "observe" },
          teamRateLimit: { rps: 3, burst: 4, mode: "enforce" },
          teamScopes: TEAM_SCOPES,
        },
      });
      expect(await stores.keys.findByPrefix(fresh.key.prefix, "000000")).toBeUndefined();
    });

    it("says nothing of limits and owners that are not there", async () => {
      const stores = open();
      const { orgId } = await seedOrg(stores);
      const fresh = aKey(orgId);
      await stores.keys.create(orgId, fresh);
      const found = await stores.keys.findByPrefix(fresh.key.prefix, fresh.checksum);
      expect(found?.principal).toEqual({
        key: fresh.key,
        orgName: "Acme",
        ownerRole: undefined,
        orgRateLimit: undefined,
        teamRateLimit: undefined,
        teamScopes: undefined,
      });
    });

    it("notes uses, never an older one after a newer one", async () => {
      const { keys, ...stores } = open();
      const { orgId } = await seedOrg({ keys, ...stores });
      const { key, ...fresh } = aKey(orgId);
      await keys.create(orgId, { key, ...fresh });
      await keys.recordUses([
        { orgId, keyId: key.id, time: LATER },
        { orgId, keyId: newId(), time: LATER },
      ]);
      await keys.recordUses([{ orgId, keyId: key.id, time: TIME }]);
      await keys.recordUses([{ orgId: newId(), keyId: key.id, time: new Date() }]);
      expect((await keys.get(orgId, key.id))?.lastUsedTime).toEqual(LATER);
    });
  });

  describe(`KeyStore.activity, ${name}`, () => {
    it("counts keys that may be used, and organisations that use theirs", async () => {
      const { keys, ...stores } = open();
      const at = { now: LATER, usedSince: TIME };
      const before = await keys.activity(at);
      const { orgId } = await seedOrg({ keys, ...stores });
      const [used, alsoUsed, revoked, expired] = [
        aKey(orgId),
        aKey(orgId),
        aKey(orgId),
        aKey(orgId, { expireTime: LATER }),
      ];
      for (const fresh of [used, alsoUsed, revoked, expired]) await keys.create(orgId, fresh);
      await keys.revoke(orgId, revoked.key.id, { changeId: newId(), time: TIME });
      const grown = (keysMore: number, organizationsMore: number) => ({
        activeKeys: before.activeKeys + keysMore,
        activeOrganizations: before.activeOrganizations + organizationsMore,
      });
      const use = { orgId, keyId: used.key.id };
      await keys.recordUses([{ ...use, time: new Date(TIME.getTime() - 1) }]);
      expect(await keys.activity(at)).toEqual(grown(2, 0));
      await keys.recordUses([
        { ...use, time: TIME },
        { orgId, keyId: alsoUsed.key.id, time: LATER },
      ]);
      expect(await keys.activity(at)).toEqual(grown(2, 1));
    });
  });
}
