import type { Logger } from "../log.ts";
import type { ChangeStore, PendingChange } from "./change-store.ts";

/** Tells gateways of committed changes: at once, and again from the store until it worked. */
export type ChangePublisher<Change extends PendingChange = PendingChange> = {
  /** Tells a change. Never fails: what cannot be told now is told by `sweep`. */
  publish(change: Change | undefined): Promise<void>;
  /** Tells what is left over from a killed process or a time without Redis. Returns how many were told. */
  sweep(): Promise<number>;
};

export type ChangePublisherOptions<Change extends PendingChange> = {
  readonly store: ChangeStore<Change>;
  /** Tells all who must know. Rejects when that is not sure; may be asked to tell a change again. */
  readonly tell: (change: Change) => Promise<void>;
  /** Milliseconds since 1970-01-01 UTC. */
  readonly now: () => number;
  readonly log: Logger;
};

/** Changes younger than this are being told by the call that made them. */
const SWEEP_AGE_MS = 1_000;
const SWEEP_BATCH = 100;

export function createChangePublisher<Change extends PendingChange>(
  options: ChangePublisherOptions<Change>,
): ChangePublisher<Change> {
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

  async function tell(change: Change): Promise<void> {
    await options.tell(change);
    await store.remove(change.orgId, change.id);
  }
}
