import { describe, expect, it } from "@jest/globals";
import { aKey, newId, seedOrg, TIME } from "../../test/samples.ts";
import { changeOfKey, type KeyStore } from "../keys/key-store.ts";
import { changeOfTeam } from "../people/team-store.ts";
import { changeOfServer } from "../servers/server-store.ts";
import { changeOfDefinitions } from "../servers/tool-store.ts";
import { createMemoryStores } from "../stores.ts";
import { createChangeTeller } from "./auth-change.ts";

/** Keys of a team of 250, more than are read at once. */
const prefixes: KeyStore["prefixes"] = (_orgId, { teamId, after, limit }) => {
  const all = Array.from({ length: 250 }, (_, index) => ({
    id: String(index).padStart(3, "0"),
    prefix: `${teamId ?? "org"}-${index}`,
  }));
  return Promise.resolve(all.filter(({ id }) => after === undefined || id > after).slice(0, limit));
};

describe("createChangeTeller", () => {
  const stamp = { changeId: newId(), time: TIME };

  it("ends cached answers of a key before it tells gateways", async () => {
    const told: string[] = [];
    const tell = createChangeTeller({
      fenceKey: (prefix) => Promise.resolve(void told.push(`fence ${prefix}`)),
      broadcast: ({ kind }) => Promise.resolve(void told.push(kind)),
      prefixes,
      raise: () => Promise.resolve(),
    });
    const { orgId } = await seedOrg(createMemoryStores());
    const { key } = aKey(orgId);
    await tell(changeOfKey(key, stamp));
    await tell(changeOfServer(orgId, "files", stamp));
    expect(told).toEqual([`fence ${key.prefix}`, "key", "server"]);
  });

  it("tells no gateway while it is not sure that cached answers ended", async () => {
    const tell = createChangeTeller({
      fenceKey: () => Promise.reject(new Error("away")),
      broadcast: () => Promise.reject(new Error("told")),
      prefixes,
      raise: () => Promise.resolve(),
    });
    const { key } = aKey(newId());
    await expect(tell(changeOfKey(key, stamp))).rejects.toThrow("away");
  });

  it("ends cached answers of all keys of a team, then tells gateways", async () => {
    const told: string[] = [];
    const tell = createChangeTeller({
      fenceKey: (prefix) => Promise.resolve(void told.push(prefix)),
      broadcast: ({ kind }) => Promise.resolve(void told.push(kind)),
      prefixes,
      raise: () => Promise.resolve(),
    });
    await tell(changeOfTeam(newId(), "t", stamp));
    expect(new Set(told).size).toBe(251);
    expect(told.at(-1)).toBe("team");
    expect(told).toContain("t-249");
  });

  it("tells administrators of every tool whose definition changed", async () => {
    const raised: unknown[] = [];
    const tell = createChangeTeller({
      fenceKey: () => Promise.resolve(),
      broadcast: () => Promise.resolve(),
      prefixes,
      raise: (event) => Promise.resolve(void raised.push(event)),
    });
    const orgId = newId();
    const changed = [{ id: "00000000000000aa", name: "echo", previousHash: "01", hash: "02" }];
    await tell(changeOfDefinitions(orgId, "files", stamp, changed));
    expect(raised).toEqual([
      {
        id: `${stamp.changeId}/00000000000000aa`,
        kind: "tool_definition_changed",
        orgId,
        server: "files",
        tool: "echo",
        previousHash: "01",
        hash: "02",
        time: "2026-03-04T05:06:07.089Z",
      },
    ]);
  });
});
