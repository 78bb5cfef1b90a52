import { describe, expect, it } from "@jest/globals";
import { NO_SETTINGS, type ServerSettings } from "../src/servers/server-settings.ts";
import type { McpServer } from "../src/servers/server.ts";
import type { ListedTool } from "../src/servers/tool-store.ts";
import type { Stores } from "../src/stores.ts";
import { aKey, anOrganization, aServer, newId, seedOrg, TIME } from "./samples.ts";

const LATER = new Date(TIME.getTime() + 60_000);

const named = (id: string, name: string): ListedTool => ({
  id,
  name,
  definitionHash: undefined,
  definition: "",
});

const record = (stores: Stores, server: McpServer, tools: ListedTool[]) =>
  stores.tools.record(server.orgId, server.id, { changeId: newId(), time: TIME, tools });

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
      await record(stores, old, [named("00000000000000ff", "echo")]);
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

    it("lists those that are on, of its own organisation", async () => {
      const { servers, ...stores } = open();
      const [a, b] = [await seedOrg({ servers, ...stores }), await seedOrg({ servers, ...stores })];
      for (const title of ["c", "a", "b"])
        await servers.create(a.orgId, aServer(a.orgId, { name: title }), newId());
      await servers.update(a.orgId, "b", { changeId: newId(), time: LATER, enabled: false });
      const names = (list: { name: string }[]) => list.map((server) => server.name);
      expect(names(await servers.enabled(a.orgId, 10))).toEqual(["a", "c"]);
      expect(names(await servers.enabled(a.orgId, 1))).toEqual(["a"]);
      expect(await servers.enabled(b.orgId, 10)).toEqual([]);
    });

    it("keeps settings, and replaces them whole", async () => {
      const { servers, ...stores } = open();
      const { orgId } = await seedOrg({ servers, ...stores });
      const settings: ServerSettings = {
        validateArguments: "observe",
        transformations: [
          { target: "header", action: "set", name: "x-a", newName: "", value: "1", tools: ["t*"] },
        ],
        idempotentTools: ["get_*"],
      };
      const server = aServer(orgId, { settings });
      await servers.create(orgId, server, newId());
      expect(await servers.get(orgId, server.name)).toEqual(server);
      const edit = { changeId: newId(), time: LATER, settings: NO_SETTINGS };
      const updated = await servers.update(orgId, server.name, edit);
      expect(updated?.server.settings).toEqual(NO_SETTINGS);
    });
  });

  describe(`NameStore, ${name}`, () => {
    it("names things of every kind, and nothing of another organisation", async () => {
      const stores = open();
      const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
      const server = aServer(a.orgId);
      await stores.servers.create(a.orgId, server, newId());
      await record(stores, server, [named("8000000000000001", "echo")]);
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
