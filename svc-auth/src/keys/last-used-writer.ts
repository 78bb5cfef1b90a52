import type { Logger } from "@gatewayops/platform/log";
import type { ApiKey } from "./api-key.ts";
import type { KeyStore, KeyUse } from "./key-store.ts";

/** Notes when keys were last used, away from the calls that use them. */
export type LastUsedWriter = {
  /** Notes a use. At most one a minute and key is written. */
  note(key: Pick<ApiKey, "orgId" | "id">): void;
  /** Writes what was noted. What could not be written is kept for the next time. */
  flush(): Promise<void>;
};

export type LastUsedWriterOptions = {
  readonly store: Pick<KeyStore, "recordUses">;
  readonly now: () => number;
  readonly log: Logger;
};

const INTERVAL_MS = 60_000;
/** Keys that are remembered. Above, uses are forgotten rather than memory filled. */
const KEYS_MAX = 100_000;

export function createLastUsedWriter(options: LastUsedWriterOptions): LastUsedWriter {
  const noted = new Map<string, number>();
  let pending: KeyUse[] = [];
  return {
    note(key) {
      const nowMs = options.now();
      const before = noted.get(key.id);
      if (before !== undefined && nowMs - before < INTERVAL_MS) return;
      if (noted.size >= KEYS_MAX) noted.clear();
      noted.set(key.id, nowMs);
      if (pending.length < KEYS_MAX)
        pending.push({ orgId: key.orgId, keyId: key.id, time: new Date(nowMs) });
    },
    async flush() {
      if (pending.length === 0) return;
      const uses = pending;
      pending = [];
      try {
        await options.store.recordUses(latestOf(uses));
      } catch (error) {
        pending = [...latestOf(uses), ...pending];
        options.log.warn(
          { err: error, keys: uses.length },
          "last uses of keys are not written yet",
        );
      }
    },
  };
}

function latestOf(uses: readonly KeyUse[]): KeyUse[] {
  return [...new Map(uses.map((use) => [use.keyId, use])).values()];
}
