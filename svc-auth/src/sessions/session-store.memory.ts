/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { Session, SessionStore } from "./session-store.ts";

/** Sessions in this process only, for tests. */
export function createMemorySessionStore(now: () => number): SessionStore {
  const sessions = new Map<string, { session: Session; until: number }>();
  return {
    async create(hash, session, ttlMs) {
      sessions.set(hash, { session, until: now() + ttlMs });
    },
    async touch(hash, ttlMs) {
      const found = sessions.get(hash);
      if (!found || found.until <= now()) return undefined;
      sessions.set(hash, { session: found.session, until: now() + ttlMs });
      return found.session;
    },
    async remove(hash) {
      sessions.delete(hash);
    },
  };
}
