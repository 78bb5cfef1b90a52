import { describe, expect, it } from "@jest/globals";
import type { Stores } from "../src/stores.ts";
import { aKey, anOrganization, aServer, newId, seedOrg, TIME } from "./samples.ts";

const LATER = new Date(TIME.getTime() + 60_000);

export function describeServerStores(name: string, open: () => Stores): void {
  describe(`ServerStore, ${name}`, () => {
    it("adds a server, refuses its name again, and takes it in another organisation", async () => {
      const { servers, ...stores } = open();
      const [a, b] = [await seedOrg({ servers, ...stores }), await seedOrg({ servers, ...stores })];
      const server = aServer(a.orgId);
      const change = await servers.create(a.orgId, server, newId());
      expect(change.invalidation).toEqual({ kind: "server", orgId: a.orgId, name: "everything" });
      expect(await servers.get(a.orgId, "everything")).toEqual(server);
      await expect(servers.create(a.orgId, aServer(a.orgId), newId())).rejects.toMatchObject({
        reason: "ALREADY_EXISTS",
      });
      expect(await servers.get(b.orgId, "everything")).toBeUndefined();
      await servers.create(b.orgId, aServer(b.orgId), newId());
    });

    it("changes only what is given, in its own organisation", async () => {
      const { servers, ...stores } = open();
      const [a, b] = [await seedOrg({ servers, ...stores }), await seedOrg({ servers, ...stores })];
      const server = aServer(a.orgId);
      await servers.create(a.orgId, server, newId());
      const edit = { changeId: newId(), time: LATER, enabled: false };
      expect(await servers.update(b.orgId, server.name, edit)).toBeUndefined();
      const updated = await servers.update(a.orgId, server.name, edit);
      expect(updated?.server).toEqual({ ...server, enabled: false, updateTime: LATER });
      expect(updated?.change.id).toBe(edit.changeId);
    });

    it("frees the name of a removed server and keeps its names for records", async () => {
      const stores = open();
      const { orgId } = await seedOrg(stores);
      const old = aServer(orgId);
      await stores.servers.create(orgId, old, newId());
      await stores.servers.registerTools(orgId, old.id, [{ id: "00000000000000ff", name: "echo" }]);
      const stamp = () => ({ changeId: newId(), time: LATER });
      expect(await stores.servers.remove(orgId, old.name, stamp())).toBeDefined();
      expect(await stores.servers.remove(orgId, old.name, stamp())).toBeUndefined();
      expect(await stores.servers.get(orgId, old.name)).toBeUndefined();
      const fresh = aServer(orgId);
      await stores.servers.create(orgId, fresh, newId());
      const refs = [old.id, fresh.id].map((id) => ({ orgId, id }));
      expect((await stores.names.names("server", refs)).size).toBe(2);
      expect((await stores.names.names("tool", [{ orgId, id: "00000000000000ff" }])).size).toBe(1);
    });

    it("lists by name, page by page", async () => {
      const { servers, organizations } = open();
      const { id: orgId } = await organizations.ensure(anOrganization());
      for (const title of ["b", "a_1", "a-1", "c"])
        await servers.create(orgId, aServer(orgId, { name: title }), newId());
      const first = await servers.list(orgId, { limit: 3, after: undefined });
      expect(first.items.map((server) => server.name)).toEqual(["a-1", "a_1", "b"]);
      const rest = await servers.list(orgId, { limit: 3, after: ["b"] });
      expect(rest.items.map((server) => server.name)).toEqual(["c"]);
    });

    it("remembers tools once, of servers of the organisation", async () => {
      const { servers, ...stores } = open();
      const [a, b] = [await seedOrg({ servers, ...stores }), await seedOrg({ servers, ...stores })];
      const server = aServer(a.orgId);
      await servers.create(a.orgId, server, newId());
      const tools = [
        { id: "ffffffffffffffff", name: "write" },
        { id: "0000000000000001", name: "echo" },
      ];
      await servers.registerTools(a.orgId, server.id, tools);
      await servers.registerTools(a.orgId, server.id, tools);
      expect(await servers.toolNames(a.orgId, server.id)).toEqual(["echo", "write"]);
      expect(await servers.toolNames(b.orgId, server.id)).toEqual([]);
      const foreign = servers.registerTools(b.orgId, server.id, tools);
      await expect(foreign).rejects.toMatchObject({ reason: "SERVER_UNKNOWN" });
    });
  });

  describe(`NameStore, ${name}`, () => {
    it("names things of every kind, and nothing of another organisation", async () => {
      const stores = open();
      const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
      const server = aServer(a.orgId);
      await stores.servers.create(a.orgId, server, newId());
      await stores.servers.registerTools(a.orgId, server.id, [
        { id: "8000000000000001", name: "echo" },
      ]);
      const fresh = aKey(a.orgId);
      await stores.keys.create(a.orgId, fresh);
      const expected = [
        ["server", server.id, "everything"],
        ["tool", "8000000000000001", "echo"],
        ["team", a.team.id, "Core"],
        ["user", a.user.id, a.user.email],
        ["key", fresh.key.id, "agent"],
      ] as const;
      for (const [kind, id, title] of expected) {
        const refs = [
          { orgId: a.orgId, id },
          { orgId: b.orgId, id },
          { orgId: a.orgId, id: kind === "tool" ? "0000000000000009" : newId() },
        ];
        expect([...(await stores.names.names(kind, refs))]).toEqual([[`${a.orgId}/${id}`, title]]);
      }
    });
  });
}
