import type { Invalidation } from "@gatewayops/platform/invalidation";
import type { Logger } from "@gatewayops/platform/log";
import type { ChangeStore, PendingChange } from "./change-store.ts";

/** Tells gateways of committed changes: at once, and again from the store until it worked. */
export type ChangePublisher = {
  /** Tells a change. Never fails: what cannot be told now is told by `sweep`. */
  publish(change: PendingChange | undefined): Promise<void>;
  /** Tells what is left over from a killed process or a time without Redis. Returns how many were told. */
  sweep(): Promise<number>;
};

export type ChangePublisherOptions = {
  readonly store: ChangeStore;
  /** Ends cached answers of keys with the prefix. Rejects when that is not sure. */
  readonly fenceKey: (prefix: string) => Promise<void>;
  readonly broadcast: (change: Invalidation) => Promise<void>;
  readonly now: () => number;
  readonly log: Logger;
};

/** Changes younger than this are being told by the call that made them. */
const SWEEP_AGE_MS = 1_000;
const SWEEP_BATCH = 100;

export function createChangePublisher(options: ChangePublisherOptions): ChangePublisher {
  const { store, log } = options;
  return {
    async publish(change) {
      if (!change) return;
      try {
        await tell(change);
      } catch (error) {
        log.warn({ err: error, change: change.id }, "a change is not told yet; it will be retried");
      }
    },
    async sweep() {
      const before = new Date(options.now() - SWEEP_AGE_MS);
      const changes = await store.pending(before, SWEEP_BATCH);
      for (const change of changes) await tell(change);
      return changes.length;
    },
  };

  // The order matters: a gateway that hears of the change asks again, and must not get the old answer.
  async function tell(change: PendingChange): Promise<void> {
    if (change.keyPrefix !== undefined) await options.fenceKey(change.keyPrefix);
    await options.broadcast(change.invalidation);
    await store.remove(change.orgId, change.id);
  }
}
