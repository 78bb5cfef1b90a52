import { describe, expect, it } from "@jest/globals";
import { NO_ACCESS } from "../src/access/access-scopes.ts";
import type { Stores } from "../src/stores.ts";
import { anOrganization, aTeam, aUser, newId, seedOrg, TIME } from "./samples.ts";

export function describePeopleStores(name: string, open: () => Stores): void {
  describe(`OrganizationStore, ${name}`, () => {
    it("makes an organisation once per slug and finds it again", async () => {
      const { organizations } = open();
      const org = anOrganization({ rateLimit: { rps: 5, burst: 10, mode: "observe" } });
      expect(await organizations.ensure(org)).toEqual(org);
      expect(await organizations.ensure({ ...anOrganization(), slug: org.slug })).toEqual(org);
      expect(await organizations.get(org.id)).toEqual(org);
      expect(await organizations.get(newId())).toBeUndefined();
    });

    it("changes what is given and leaves the change to be told", async () => {
      const { organizations, changes } = open();
      const [a, b] = [anOrganization(), anOrganization()];
      for (const org of [a, b]) await organizations.ensure(org);
      const edit = {
        changeId: newId(),
        time: TIME,
        listMode: "strict",
        timeZone: "Asia/Tokyo",
      } as const;
      const updated = await organizations.update(a.id, edit);
      expect(updated?.organization).toEqual({ ...a, listMode: "strict", timeZone: "Asia/Tokyo" });
      const rateLimit = { rps: 1, burst: 2, mode: "observe" } as const;
      const other = { rateLimit, traceRetentionDays: 7 };
      await organizations.update(a.id, { changeId: newId(), time: TIME, ...other });
      await organizations.update(a.id, { changeId: newId(), time: TIME });
      expect(await organizations.get(a.id)).toEqual({
        ...{ ...a, listMode: "strict", timeZone: "Asia/Tokyo" },
        ...other,
      });
      expect(await organizations.get(b.id)).toEqual(b);
      expect(await organizations.update(newId(), { ...edit, changeId: newId() })).toBeUndefined();
      const pending = await changes.pending(new Date(TIME.getTime() + 1), 1_000);
      expect(pending).toContainEqual(updated?.change);
      expect(updated?.change.invalidation).toEqual({ kind: "org", orgId: a.id });
    });

    it("makes one when many race for a slug", async () => {
      const { organizations } = open();
      const slug = `race-${newId()}`;
      const made = await Promise.all(
        Array.from({ length: 8 }, () => organizations.ensure(anOrganization({ slug }))),
      );
      expect(new Set(made.map((org) => org.id)).size).toBe(1);
    });
  });

  describe(`TeamStore, ${name}`, () => {
    it("refuses a slug that the organisation has, and takes it in another", async () => {
      const { teams, ...stores } = open();
      const [a, b] = [await seedOrg({ teams, ...stores }), await seedOrg({ teams, ...stores })];
      const again = teams.create(a.orgId, aTeam(a.orgId, { slug: a.team.slug }));
      await expect(again).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
      await teams.create(b.orgId, aTeam(b.orgId, { slug: a.team.slug }));
    });

    it("shows a team to its own organisation only", async () => {
      const stores = open();
      const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
      expect(await stores.teams.get(a.orgId, a.team.id)).toEqual(a.team);
      expect(await stores.teams.get(b.orgId, a.team.id)).toBeUndefined();
      expect((await stores.teams.list(b.orgId, { limit: 10, after: undefined })).items).toEqual([
        b.team,
      ]);
    });

    it("changes what is given, in its own organisation, and leaves the change to be told", async () => {
      const { teams, changes, ...stores } = open();
      const all = { teams, changes, ...stores };
      const [a, b] = [await seedOrg(all), await seedOrg(all)];
      const scopes = { ...NO_ACCESS, servers: ["x"], scopesMode: "observe" } as const;
      const edit = { changeId: newId(), time: TIME, scopes };
      expect(await teams.update(b.orgId, a.team.id, edit)).toBeUndefined();
      const updated = await teams.update(a.orgId, a.team.id, edit);
      expect(updated?.team).toEqual({ ...a.team, scopes });
      const rateLimit = { rps: 1, burst: 2, mode: "observe" } as const;
      const again = { changeId: newId(), time: TIME, name: "New", rateLimit };
      await teams.update(a.orgId, a.team.id, again);
      expect(await teams.get(a.orgId, a.team.id)).toEqual({
        ...a.team,
        scopes,
        name: "New",
        rateLimit,
      });
      expect(updated?.change.invalidation).toEqual({
        kind: "team",
        orgId: a.orgId,
        teamId: a.team.id,
      });
      const pending = await changes.pending(new Date(TIME.getTime() + 1), 1_000);
      expect(pending).toContainEqual(updated?.change);
    });

    it("finds a team again by its slug", async () => {
      const { teams, ...stores } = open();
      const { orgId, team } = await seedOrg({ teams, ...stores });
      expect(await teams.ensure(orgId, aTeam(orgId, { slug: team.slug }))).toEqual(team);
    });

    it("lists by name in the order of code points, page by page, each team once", async () => {
      const { teams, organizations } = open();
      const { id: orgId } = await organizations.ensure(anOrganization());
      const names = ["b", "Z", "a", "ä", "a", "B-1", "B1"];
      for (const title of names) await teams.create(orgId, aTeam(orgId, { name: title }));
      const seen: string[] = [];
      let after: string[] | undefined;
      do {
        const page = await teams.list(orgId, { limit: 2, after });
        seen.push(...page.items.map((team) => team.name));
        after =
          page.cursor === ""
            ? undefined
            : (JSON.parse(Buffer.from(page.cursor, "base64url").toString()) as string[]);
      } while (after);
      expect(seen).toEqual(["B-1", "B1", "Z", "a", "a", "b", "ä"]);
    });

    it("knows members, of the organisation only", async () => {
      const stores = open();
      const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
      const member = { teamId: a.team.id, userId: a.user.id, role: "member", createTime: TIME };
      await stores.teams.setMember(a.orgId, member);
      await stores.teams.setMember(a.orgId, { ...member, role: "team_admin" });
      expect(await stores.teams.isMember(a.orgId, a.team.id, a.user.id)).toBe(true);
      expect(await stores.teams.isMember(b.orgId, a.team.id, a.user.id)).toBe(false);
      const foreign = stores.teams.setMember(a.orgId, { ...member, userId: b.user.id });
      await expect(foreign).rejects.toThrow();
    });
  });

  describe(`UserStore, ${name}`, () => {
    it("refuses an address that the organisation has", async () => {
      const stores = open();
      const { orgId, user } = await seedOrg(stores);
      const again = stores.users.create(orgId, aUser(orgId, { email: user.email }), "hash");
      await expect(again).rejects.toMatchObject({ reason: "ALREADY_EXISTS" });
    });

    it("finds a person of one address in every organisation at sign-in, if there is a password", async () => {
      const stores = open();
      const [a, b, c] = [await seedOrg(stores), await seedOrg(stores), await seedOrg(stores)];
      const email = `${newId()}@example.com`;
      const inA = await stores.users.create(a.orgId, aUser(a.orgId, { email }), "hash a");
      const inB = await stores.users.create(b.orgId, aUser(b.orgId, { email }), "hash b");
      await stores.users.ensure(c.orgId, aUser(c.orgId, { email }));
      const found = await stores.users.findForSignIn(email, 5);
      expect(found).toEqual([
        { user: inA, passwordHash: "hash a" },
        { user: inB, passwordHash: "hash b" },
      ]);
      expect(await stores.users.findForSignIn(email, 1)).toHaveLength(1);
      expect(await stores.users.findForSignIn("nobody@example.com", 1)).toEqual([]);
    });

    it("keeps one password per person and the last login", async () => {
      const stores = open();
      const { orgId, user } = await seedOrg(stores);
      await stores.users.setPassword(orgId, user.id, "hash 2", TIME);
      expect(await stores.users.passwordHash(orgId, user.id)).toBe("hash 2");
      await stores.users.recordLogin(orgId, user.id, TIME);
      expect(await stores.users.get(orgId, user.id)).toEqual({ ...user, lastLoginTime: TIME });
      expect(await stores.users.get(newId(), user.id)).toBeUndefined();
    });

    it("lists by address, page by page", async () => {
      const { users, organizations } = open();
      const { id: orgId } = await organizations.ensure(anOrganization());
      for (const email of ["c@x.io", "a@x.io", "b@x.io"])
        await users.ensure(orgId, aUser(orgId, { email }));
      const first = await users.list(orgId, { limit: 2, after: undefined });
      expect(first.items.map((user) => user.email)).toEqual(["a@x.io", "b@x.io"]);
      expect(first.cursor).not.toBe("");
      const rest = await users.list(orgId, { limit: 2, after: ["b@x.io"] });
      expect(rest.items.map((user) => user.email)).toEqual(["c@x.io"]);
      expect(rest.cursor).toBe("");
    });
  });
}
