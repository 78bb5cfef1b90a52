import type { KeyActivity, KeyStore } from "./key-store.ts";

const USED_WITHIN_MS = 30 * 86_400_000;

export type ActivityOptions = {
  readonly store: Pick<KeyStore, "activity">;
  readonly tell: (counts: KeyActivity | undefined) => void;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
};

/**
 * Counts keys and organisations for metrics, when called and not when scraped: however often that happens, the database
 * is asked once in a while. After a failure nothing is told, until it works again.
 */
export function createActivityCount(options: ActivityOptions): () => Promise<void> {
  return async () => {
    const nowMs = options.now();
    try {
      const at = { now: new Date(nowMs), usedSince: new Date(nowMs - USED_WITHIN_MS) };
      options.tell(await options.store.activity(at));
    } catch (error) {
      options.tell(undefined);
      throw error;
    }
  };
}
