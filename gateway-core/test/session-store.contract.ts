import { randomUUID } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import type { SessionState, SessionStore } from "../src/sessions/session-store.ts";

export type StoreUnderTest = {
  readonly store: SessionStore;
  /** Lets so many milliseconds pass for the store. */
  pass(ms: number): Promise<void>;
};

/** Milliseconds: as short as a real clock can be told apart by. */
const TTL = 200;
const LONG = 60_000;

export function aSession(changes: Partial<SessionState> = {}): SessionState {
  return {
    kind: "relay",
    orgId: "0199a000-0000-7000-8000-000000000001",
    keyId: "0199a000-0000-7000-8000-000000000003",
    server: "echo",
    upstreamSession: "upstream-1",
    version: "2025-11-25",
    initializeParams: '{"capabilities":{},"clientInfo":{"name":"grüße"}}',
    logLevel: "",
    subscriptions: [],
    bridgeReplica: "",
    ...changes,
  };
}

/** What every store of sessions must do. Ids are of all beginnings, so that none of a store's shares is left out. */
export function describeSessionStore(name: string, open: () => StoreUnderTest): void {
  const aDozenIds = (): string[] =>
    Array.from({ length: 12 }, (_, at) => `${"ABcdEF01-_yz"[at] ?? ""}${randomUUID()}`);

  /** Takes expired sessions until there are none, and returns those asked about. */
  async function takeAll(store: SessionStore, ids: readonly string[]): Promise<string[]> {
    const taken: string[] = [];
    for (
      let some = await store.takeExpired(100);
      some.length > 0;
      some = await store.takeExpired(100)
    )
      taken.push(...some.map(({ id }) => id));
    return taken.filter((id) => ids.includes(id)).sort();
  }

  describe(`SessionStore, ${name}`, () => {
    it("keeps every field of a session, and knows no other", async () => {
      const { store } = open();
      const [id = "", other = ""] = aDozenIds();
      const state = aSession({
        logLevel: "info",
        subscriptions: ["test://a", "test://ü"],
        bridgeReplica: "replica-1",
      });
      await store.put(id, state, LONG);
      expect(await store.get(id)).toEqual(state);
      expect(await store.get(other)).toBeUndefined();
    });

    it("gives each session whose time is up to one caller, with its state", async () => {
      const { store, pass } = open();
      const ids = aDozenIds();
      for (const id of ids) await store.put(id, aSession({ upstreamSession: id }), TTL);
      await pass(TTL + 50);
      const [some, more] = await Promise.all([store.takeExpired(100), store.takeExpired(100)]);
      const taken = [...some, ...more].filter(({ id }) => ids.includes(id));
      expect(taken.map(({ id }) => id).sort()).toEqual([...ids].sort());
      for (const { id, state } of taken) expect(state).toEqual(aSession({ upstreamSession: id }));
      for (const id of ids) expect(await store.get(id)).toBeUndefined();
      expect(await takeAll(store, ids)).toEqual([]);
    });

    it("gives no more expired sessions than are asked for, and all of them in the end", async () => {
      const { store, pass } = open();
      await takeAll(store, []);
      const ids = aDozenIds();
      for (const id of ids) await store.put(id, aSession(), TTL);
      await pass(TTL + 50);
      const first = await store.takeExpired(5);
      expect(first).toHaveLength(5);
      const rest = await takeAll(store, ids);
      expect([...first.map(({ id }) => id), ...rest].sort()).toEqual([...ids].sort());
    });

    it("lets a session that is used live on", async () => {
      const { store, pass } = open();
      const [used = "", abandoned = ""] = aDozenIds();
      await store.put(used, aSession(), TTL);
      await store.put(abandoned, aSession(), TTL);
      await store.touch(used, LONG);
      await pass(TTL + 50);
      expect(await takeAll(store, [used, abandoned])).toEqual([abandoned]);
      expect(await store.get(used)).toEqual(aSession());
    });

    it("does not bring a session back by a late use", async () => {
      const { store, pass } = open();
      const [id = ""] = aDozenIds();
      await store.put(id, aSession(), TTL);
      await pass(TTL + 50);
      await takeAll(store, [id]);
      await store.touch(id, TTL);
      expect(await store.get(id)).toBeUndefined();
      await pass(TTL + 50);
      expect(await takeAll(store, [id])).toEqual([]);
    });

    it("replaces what is as it was read, of two changes at once only one", async () => {
      const { store } = open();
      const [id = ""] = aDozenIds();
      const before = aSession();
      await store.put(id, before, LONG);
      const changes = ["debug", "error"].map((logLevel) => aSession({ logLevel }));
      const done = await Promise.all(changes.map((after) => store.replace(id, before, after)));
      expect(done.filter(Boolean)).toHaveLength(1);
      expect(await store.get(id)).toEqual(changes[done.indexOf(true)]);
      expect(await store.replace(id, before, aSession())).toBe(false);
    });

    it("leaves a session its time when its state is replaced", async () => {
      const { store, pass } = open();
      const [id = ""] = aDozenIds();
      await store.put(id, aSession(), TTL);
      expect(await store.replace(id, aSession(), aSession({ logLevel: "info" }))).toBe(true);
      await pass(TTL + 50);
      expect(await takeAll(store, [id])).toEqual([id]);
    });

    it("replaces nothing of a session that has ended", async () => {
      const { store } = open();
      const [id = ""] = aDozenIds();
      expect(await store.replace(id, aSession(), aSession({ logLevel: "info" }))).toBe(false);
      expect(await store.get(id)).toBeUndefined();
    });

    it("removes a session once, and does not give it as expired", async () => {
      const { store, pass } = open();
      const [id = ""] = aDozenIds();
      await store.put(id, aSession(), TTL);
      const removed = await Promise.all([store.remove(id), store.remove(id)]);
      expect(removed.sort()).toEqual([false, true]);
      expect(await store.get(id)).toBeUndefined();
      await pass(TTL + 50);
      expect(await takeAll(store, [id])).toEqual([]);
    });
  });
}
