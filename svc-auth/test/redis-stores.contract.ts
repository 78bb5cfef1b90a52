import { describe, expect, it } from "@jest/globals";
import type { KeyAnswer, KeyCache } from "../src/keys/key-cache.ts";
import type { SessionStore } from "../src/sessions/session-store.ts";
import type { SignInCounters } from "../src/sessions/sign-in-throttle.ts";
import { aKey, newId, TIME } from "./samples.ts";

export type RedisStores = {
  readonly cache: KeyCache;
  readonly sessions: SessionStore;
  readonly counters: SignInCounters;
  /** Lets time pass: real for Redis, so only a little. */
  readonly pass: (ms: number) => Promise<void>;
};

const MINUTE = 60_000;

export function describeRedisStores(name: string, open: () => RedisStores): void {
  const admitted = (): KeyAnswer => ({
    kind: "admitted",
    principal: {
      key: aKey(newId(), { expireTime: TIME }).key,
      orgName: "Acme",
      ownerRole: undefined,
      orgRateLimit: { rps: 1, burst: 2, mode: "enforce" },
      teamRateLimit: undefined,
      teamScopes: undefined,
    },
  });
  const address = () => ({ prefix: `gwo_test_${newId()}`, fingerprint: newId() });

  describe(`KeyCache, ${name}`, () => {
    it("gives back what was filled under the present fence, every field of it", async () => {
      const { cache } = open();
      const [place, answer] = [address(), admitted()];
      const { answer: none, fence } = await cache.read(place);
      expect(none).toBeUndefined();
      await cache.fill(place, fence ?? "", answer, MINUTE);
      expect((await cache.read(place)).answer).toEqual(answer);
      const other = { ...place, fingerprint: newId() };
      expect((await cache.read(other)).answer).toBeUndefined();
    });

    it("ends all answers of a prefix at a fence, and takes new ones after", async () => {
      const { cache } = open();
      const place = address();
      const { fence = "" } = await cache.read(place);
      await cache.fill(place, fence, admitted(), MINUTE);
      await cache.fence(place.prefix);
      const { answer, fence: next = "" } = await cache.read(place);
      expect(answer).toBeUndefined();
      expect(next).not.toBe(fence);
      const refused: KeyAnswer = { kind: "refused", refusal: "KEY_REVOKED" };
      await cache.fill(place, next, refused, MINUTE);
      expect((await cache.read(place)).answer).toEqual(refused);
    });

    it("never gives an answer that was filled late, under a fence read before the present one", async () => {
      const { cache } = open();
      const place = address();
      const { fence = "" } = await cache.read(place);
      await cache.fence(place.prefix);
      await cache.fill(place, fence, admitted(), MINUTE);
      expect((await cache.read(place)).answer).toBeUndefined();
      await cache.fence(place.prefix);
      expect((await cache.read(place)).answer).toBeUndefined();
    });

    it("forgets an answer after its time", async () => {
      const { cache, pass } = open();
      const place = address();
      const { fence = "" } = await cache.read(place);
      await cache.fill(place, fence, admitted(), 20);
      await pass(60);
      expect((await cache.read(place)).answer).toBeUndefined();
    });
  });

  describe(`SessionStore, ${name}`, () => {
    it("keeps a session as long as it is used, and until it is removed", async () => {
      const { sessions, pass } = open();
      const [hash, session] = [newId(), { orgId: newId(), userId: newId() }];
      await sessions.create(hash, session, 30);
      expect(await sessions.touch(hash, MINUTE)).toEqual(session);
      await pass(60);
      expect(await sessions.touch(hash, 30)).toEqual(session);
      await pass(60);
      expect(await sessions.touch(hash, MINUTE)).toBeUndefined();
      await sessions.create(hash, session, MINUTE);
      await sessions.remove(hash);
      await sessions.remove(hash);
      expect(await sessions.touch(hash, MINUTE)).toBeUndefined();
    });
  });

  describe(`SignInCounters, ${name}`, () => {
    it("counts in a window that begins with the first try", async () => {
      const { counters, pass } = open();
      const [a, b] = [newId(), newId()];
      const [first] = await counters.add([a], 200);
      expect(first?.count).toBe(1);
      expect(first?.leftMs).toBeGreaterThan(100);
      const both = await counters.add([a, b], 200);
      expect(both.map(({ count }) => count)).toEqual([2, 1]);
      await counters.clear([b]);
      expect((await counters.add([b], 200))[0]?.count).toBe(1);
      await pass(250);
      expect((await counters.add([a], 200))[0]?.count).toBe(1);
    });
  });
}
