import type { PendingChange } from "@gatewayops/platform/changes/change-store";
import type { Invalidation } from "@gatewayops/platform/invalidation";

/** A change of this service. */
export type AuthChange = PendingChange & {
  /** Prefix of the key whose cached answers end with the change. */
  readonly keyPrefix: string | undefined;
};

export type ChangeTellerOptions = {
  /** Ends cached answers of keys with the prefix. Rejects when that is not sure. */
  readonly fenceKey: (prefix: string) => Promise<void>;
  readonly broadcast: (change: Invalidation) => Promise<void>;
};

/** Tells gateways of a change. */
export function createChangeTeller(
  options: ChangeTellerOptions,
): (change: AuthChange) => Promise<void> {
  return async ({ keyPrefix, invalidation }) => {
    // The order matters: a gateway that hears of the change asks again, and must not get the old answer.
    if (keyPrefix !== undefined) await options.fenceKey(keyPrefix);
    await options.broadcast(invalidation);
  };
}
