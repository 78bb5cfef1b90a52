/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { SignInCounters } from "./sign-in-throttle.ts";

/** Counters in this process only, for tests. */
export function createMemorySignInCounters(now: () => number): SignInCounters {
  const windows = new Map<string, { count: number; until: number }>();
  return {
    async add(names, windowMs) {
      return names.map((name) => {
        const open = windows.get(name);
        const live = open && open.until > now() ? open : { count: 0, until: now() + windowMs };
        const next = { count: live.count + 1, until: live.until };
        windows.set(name, next);
        return { count: next.count, leftMs: next.until - now() };
      });
    },
    async clear(names) {
      for (const name of names) windows.delete(name);
    },
  };
}
