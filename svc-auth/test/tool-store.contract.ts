import { describe, expect, it } from "@jest/globals";
import type { McpServer } from "../src/servers/server.ts";
import {
  DEFINITIONS_MAX,
  SEEN_LAG_MS,
  TOOLS_MAX,
  type ListedTool,
} from "../src/servers/tool-store.ts";
import type { Stores } from "../src/stores.ts";
import { aServer, newId, seedOrg, TIME } from "./samples.ts";

const HASH = { a: "aa".repeat(32), b: "bb".repeat(32) };
const ECHO = { id: "0000000000000001", name: "echo" };
const WRITE = { id: "ffffffffffffffff", name: "write" };
const PAGE = { limit: 10, after: undefined };

const later = (ms: number) => new Date(TIME.getTime() + ms);
const defined = (tool: typeof ECHO, definitionHash: string, definition = ""): ListedTool => ({
  ...tool,
  definitionHash,
  definition,
});
const named = (tool: typeof ECHO): ListedTool => ({
  ...tool,
  definitionHash: undefined,
  definition: "",
});

/** A tool that comes after all of a flood, by name and by id. */
const LAST = { id: "fffffffffffffffe", name: "zzz" };
/** As many tools, of which only the names are known. */
const flood = (count: number, from = 0): ListedTool[] =>
  Array.from({ length: count }, (_, index) => {
    const id = (0x1000 + from + index).toString(16).padStart(16, "0");
    return named({ id, name: `tool-${id}` });
  });

export function describeToolStore(name: string, open: () => Stores): void {
  /** Two organisations of which the first has a server. */
  async function seed() {
    const stores = open();
    const [a, b] = [await seedOrg(stores), await seedOrg(stores)];
    const server: McpServer = aServer(a.orgId);
    await stores.servers.create(a.orgId, server, newId());
    const record = (tools: ListedTool[], time = TIME) =>
      stores.tools.record(a.orgId, server.id, { changeId: newId(), time, tools });
    const hashes = async () => {
      const { items } = await stores.tools.definitions(a.orgId, ECHO.id, PAGE);
      return items.map(({ hash }) => hash);
    };
    return {
      stores,
      tools: stores.tools,
      orgId: a.orgId,
      foreign: b.orgId,
      server,
      record,
      hashes,
    };
  }

  describe(`ToolStore, ${name}`, () => {
    it("remembers tools once, of servers of the organisation", async () => {
      const { tools, orgId, foreign, server, record } = await seed();
      await record([named(WRITE), named(ECHO)]);
      expect(await record([named(WRITE), named(ECHO)])).toBeUndefined();
      const unknown = { definitionHash: undefined, definitionChangeTime: undefined };
      const known = [
        { name: "echo", enabled: true, ...unknown },
        { name: "write", enabled: true, ...unknown },
      ];
      expect(await tools.known(orgId, server.id)).toEqual(known);
      const ids = [server.id];
      expect([...(await tools.knownOfServers(orgId, ids))]).toEqual([[server.id, known]]);
      expect(await tools.known(foreign, server.id)).toEqual([]);
      expect((await tools.knownOfServers(foreign, ids)).size).toBe(0);
      const stamp = { changeId: newId(), time: TIME, tools: [named(ECHO)] };
      await expect(tools.record(foreign, server.id, stamp)).rejects.toMatchObject({
        reason: "SERVER_UNKNOWN",
      });
    });

    it("knows first what is off, then what changed last, however many tools a server lists", async () => {
      const { tools, orgId, server, record } = await seed();
      await record([defined(ECHO, HASH.a), defined(WRITE, HASH.a), ...flood(TOOLS_MAX)]);
      await record([defined(ECHO, HASH.b)], later(1));
      await record([defined(WRITE, HASH.b)], later(2));
      const off = { ...LAST, enabled: false };
      await tools.setEnabled(orgId, server.id, { changeId: newId(), time: TIME, ...off });
      const known = await tools.known(orgId, server.id);
      expect(known).toHaveLength(TOOLS_MAX);
      expect(known.slice(0, 3)).toMatchObject([
        { name: LAST.name, enabled: false },
        { name: WRITE.name, definitionChangeTime: later(2) },
        { name: ECHO.name, definitionChangeTime: later(1) },
      ]);
    });

    it("knows of several servers as much of each, whatever one of them lists", async () => {
      const { stores, tools, orgId, server, record } = await seed();
      await record(flood(TOOLS_MAX));
      const other = aServer(orgId, { name: "other" });
      await stores.servers.create(orgId, other, newId());
      const stamp = () => ({ changeId: newId(), time: TIME });
      const listed = [defined(ECHO, HASH.a), defined(WRITE, HASH.a)];
      await tools.record(orgId, other.id, { ...stamp(), tools: listed });
      await tools.setEnabled(orgId, other.id, { ...stamp(), ...LAST, enabled: false });
      const known = await tools.knownOfServers(orgId, [server.id, other.id]);
      expect(known.get(other.id)).toMatchObject([
        { name: LAST.name, enabled: false },
        { name: ECHO.name, definitionHash: HASH.a },
        { name: WRITE.name, definitionHash: HASH.a },
      ]);
      expect(known.get(server.id)).toHaveLength(TOOLS_MAX - 3);
    });

    it("counts no tools of servers that are off or removed", async () => {
      const { stores, tools, orgId, server: off } = await seed();
      const removed = aServer(orgId, { name: "removed" });
      const on = aServer(orgId, { name: "on" });
      for (const server of [removed, on]) await stores.servers.create(orgId, server, newId());
      for (const [index, server] of [off, removed, on].entries()) {
        const names = flood(TOOLS_MAX, index * TOOLS_MAX);
        await tools.record(orgId, server.id, { changeId: newId(), time: TIME, tools: names });
      }
      const stamp = () => ({ changeId: newId(), time: TIME });
      await stores.servers.update(orgId, off.name, { ...stamp(), enabled: false });
      await stores.servers.remove(orgId, removed.name, stamp());
      const enabled = await stores.servers.enabled(orgId, 10);
      const ids = enabled.map(({ id }) => id);
      const known = await tools.knownOfServers(orgId, ids);
      expect([...known.keys()]).toEqual([on.id]);
      expect(known.get(on.id)).toHaveLength(TOOLS_MAX);
    });

    it("lists by name, page by page", async () => {
      const { tools, orgId, foreign, server, record } = await seed();
      await record([named(WRITE), named(ECHO)]);
      const first = await tools.list(orgId, server.id, { limit: 1, after: undefined });
      expect(first.items.map((tool) => tool.name)).toEqual(["echo"]);
      expect(first.cursor).not.toBe("");
      const rest = await tools.list(orgId, server.id, { limit: 1, after: ["echo"] });
      expect(rest).toMatchObject({ items: [{ name: "write" }], cursor: "" });
      expect((await tools.list(foreign, server.id, PAGE)).items).toEqual([]);
    });

    it("switches tools off and on, also before they are known", async () => {
      const { stores, tools, orgId, foreign, server, record } = await seed();
      const set = (org: string, enabled: boolean | undefined) =>
        tools.setEnabled(org, server.id, { changeId: newId(), time: TIME, ...ECHO, enabled });
      expect(await set(foreign, false)).toBeUndefined();
      expect(await set(orgId, undefined)).toBeUndefined();
      const off = await set(orgId, false);
      expect(off?.tool).toMatchObject({ name: "echo", enabled: false });
      expect(off?.change?.invalidation).toEqual({ kind: "server", orgId, name: server.name });
      expect(await stores.changes.pending(later(1), 1_000)).toContainEqual(off?.change);
      expect((await set(orgId, false))?.change).toBeUndefined();
      await record([defined(ECHO, HASH.a)]);
      expect(await set(orgId, undefined)).toMatchObject({ tool: { enabled: false } });
      expect((await set(orgId, true))?.tool).toMatchObject({
        enabled: true,
        definitionHash: HASH.a,
      });
    });

    it("takes the first definition as it is, and tells of every other one", async () => {
      const { stores, tools, orgId, server, record } = await seed();
      expect(await record([defined(ECHO, HASH.a, '{"a":1}')])).toBeUndefined();
      expect(await record([defined(ECHO, HASH.a)])).toBeUndefined();
      const [first] = await tools.known(orgId, server.id);
      expect(first).toMatchObject({ definitionHash: HASH.a, definitionChangeTime: undefined });
      const change = await record([defined(ECHO, HASH.b, '{"b":1}'), named(WRITE)], later(7));
      expect(change?.invalidation).toEqual({ kind: "server", orgId, name: server.name });
      expect(JSON.parse(change?.adminEvents ?? "")).toEqual([
        {
          id: `${change?.id}/${ECHO.id}`,
          kind: "tool_definition_changed",
          orgId,
          server: server.name,
          tool: "echo",
          previousHash: HASH.a,
          hash: HASH.b,
          time: later(7).toISOString(),
        },
      ]);
      expect(await stores.changes.pending(later(8), 1_000)).toContainEqual(change);
      const [now] = await tools.known(orgId, server.id);
      expect(now).toMatchObject({ definitionHash: HASH.b, definitionChangeTime: later(7) });
    });

    it("keeps the definitions a tool had, the one seen last first", async () => {
      const { tools, orgId, foreign, record, hashes } = await seed();
      await record([defined(ECHO, HASH.a, '{"a":1}')]);
      await record([defined(ECHO, HASH.b, '{"b":1}')], later(10));
      expect(await hashes()).toEqual([HASH.b, HASH.a]);
      await record([defined(ECHO, HASH.a)], later(20));
      expect(await hashes()).toEqual([HASH.a, HASH.b]);
      const page = await tools.definitions(orgId, ECHO.id, { limit: 1, after: undefined });
      expect(page.items).toEqual([
        { hash: HASH.a, definition: '{"a":1}', firstSeenTime: TIME, lastSeenTime: later(20) },
      ]);
      const after = [later(20).toISOString(), HASH.a];
      const rest = await tools.definitions(orgId, ECHO.id, { limit: 1, after });
      expect(rest).toMatchObject({ items: [{ hash: HASH.b, definition: '{"b":1}' }], cursor: "" });
      expect((await tools.definitions(foreign, ECHO.id, PAGE)).items).toEqual([]);
    });

    it("notes seldom that a definition was seen again", async () => {
      const { tools, orgId, record } = await seed();
      const seenAt = async () =>
        (await tools.definitions(orgId, ECHO.id, PAGE)).items[0]?.lastSeenTime;
      await record([defined(ECHO, HASH.a, "{}")]);
      await record([defined(ECHO, HASH.a)], later(SEEN_LAG_MS));
      expect(await seenAt()).toEqual(TIME);
      await record([defined(ECHO, HASH.a)], later(SEEN_LAG_MS + 1));
      expect(await seenAt()).toEqual(later(SEEN_LAG_MS + 1));
    });

    it("forgets the definitions that were not seen for longest", async () => {
      const { tools, orgId, record } = await seed();
      const hashOf = (index: number) => index.toString(16).padStart(64, "0");
      for (let index = 0; index <= DEFINITIONS_MAX + 1; index++)
        await record([defined(ECHO, hashOf(index), "{}")], later(index));
      const { items } = await tools.definitions(orgId, ECHO.id, { limit: 100, after: undefined });
      expect(items).toHaveLength(DEFINITIONS_MAX);
      expect(items.at(-1)?.hash).toBe(hashOf(2));
    });
  });
}
