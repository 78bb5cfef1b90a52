import type { Invalidation } from "@gatewayops/platform/invalidation";

/** A committed change that gateways may not know of yet. */
export type PendingChange = {
  readonly id: string;
  readonly orgId: string;
  readonly invalidation: Invalidation;
  /** Prefix of the key whose cached answers end with the change. */
  readonly keyPrefix: string | undefined;
  readonly createTime: Date;
};

/**
 * The changes still to be told. The store of what is changed adds one in the same transaction; `ChangePublisher` tells
 * it and removes it. It may be told twice, never not at all.
 */
export type ChangeStore = {
  /** The oldest changes made before the time, of all organisations. */
  pending(before: Date, limit: number): Promise<PendingChange[]>;
  /** Forgets a change that was told. Unknown ones are no error. */
  remove(orgId: string, changeId: string): Promise<void>;
};
