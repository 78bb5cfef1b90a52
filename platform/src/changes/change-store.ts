import type { Invalidation } from "../invalidation.ts";

/** A committed change that gateways may not know of yet. A service may add what it needs for telling it. */
export type PendingChange = {
  readonly id: string;
  readonly orgId: string;
  readonly invalidation: Invalidation;
  readonly createTime: Date;
};

/** Id and time of a change, which the caller makes. */
export type ChangeStamp = { readonly changeId: string; readonly time: Date };

/**
 * The changes still to be told. The store of what is changed adds one in the same transaction; `ChangePublisher` tells
 * it and removes it. It may be told twice, never not at all.
 */
export type ChangeStore<Change extends PendingChange = PendingChange> = {
  /** The oldest changes made before the time, of all organisations. */
  pending(before: Date, limit: number): Promise<Change[]>;
  /** Forgets a change that was told. Unknown ones are no error. */
  remove(orgId: string, changeId: string): Promise<void>;
};
