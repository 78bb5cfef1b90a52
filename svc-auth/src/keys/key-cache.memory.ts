/* eslint-disable @typescript-eslint/require-await -- the contract is asynchronous: a refusal must reject, not throw */
import type { KeyAddress, KeyAnswer, KeyCache } from "./key-cache.ts";

/** A cache in this process only, for tests. */
export function createMemoryKeyCache(now: () => number): KeyCache {
  const answers = new Map<string, { answer: KeyAnswer; fence: string; until: number }>();
  const fences = new Map<string, number>();
  const fenceOf = (prefix: string): string => String(fences.get(prefix) ?? 0);
  const nameOf = (address: KeyAddress): string => `${address.prefix} ${address.fingerprint}`;
  return {
    async read(address) {
      const fence = fenceOf(address.prefix);
      const found = answers.get(nameOf(address));
      const valid = found?.fence === fence && found.until > now();
      return { answer: valid ? found.answer : undefined, fence };
    },
    async fill(address, fence, answer, ttlMs) {
      answers.set(nameOf(address), { answer, fence, until: now() + ttlMs });
    },
    async fence(prefix) {
      fences.set(prefix, (fences.get(prefix) ?? 0) + 1);
    },
  };
}
