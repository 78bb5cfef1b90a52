import type { SessionState, SessionStore } from "./session-store.ts";

/** Sessions of one process, for tests. */
export function createMemorySessionStore(now: () => number): SessionStore {
  const kept = new Map<string, { state: SessionState; endsAt: number }>();
  return {
    put(id, state, ttlMs) {
      kept.set(id, { state, endsAt: now() + ttlMs });
      return Promise.resolve();
    },
    get: (id) => Promise.resolve(kept.get(id)?.state),
    touch(id, ttlMs) {
      const found = kept.get(id);
      if (found) found.endsAt = now() + ttlMs;
      return Promise.resolve();
    },
    replace(id, before, after) {
      const found = kept.get(id);
      if (!found || JSON.stringify(found.state) !== JSON.stringify(before))
        return Promise.resolve(false);
      found.state = after;
      return Promise.resolve(true);
    },
    remove: (id) => Promise.resolve(kept.delete(id)),
    takeExpired(limit) {
      const expired = [...kept]
        .filter(([, { endsAt }]) => endsAt <= now())
        .slice(0, limit)
        .map(([id, { state }]) => ({ id, state }));
      for (const { id } of expired) kept.delete(id);
      return Promise.resolve(expired);
    },
  };
}
