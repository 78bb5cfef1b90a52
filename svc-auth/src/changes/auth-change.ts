import type { PendingChange } from "@gatewayops/platform/changes/change-store";
import type { Invalidation } from "@gatewayops/platform/invalidation";
import type { AdminEvent } from "@gatewayops/platform/streams/admin-events";
import type { KeyStore } from "../keys/key-store.ts";

/** A change of this service. */
export type AuthChange = PendingChange & {
  /** Prefix of the key whose cached answers end with the change. */
  readonly keyPrefix: string | undefined;
  /** JSON array of AdminEvent. Undefined: administrators are told nothing. */
  readonly adminEvents: string | undefined;
};

export type ChangeTellerOptions = {
  /** Ends cached answers of keys with the prefix. Rejects when that is not sure. */
  readonly fenceKey: (prefix: string) => Promise<void>;
  /** Prefixes of keys of an organisation or one of its teams, see KeyStore. */
  readonly prefixes: KeyStore["prefixes"];
  readonly broadcast: (change: Invalidation) => Promise<void>;
  /** Tells administrators. */
  readonly raise: (event: AdminEvent) => Promise<void>;
};

/** Keys whose answers are ended at once. */
const KEYS_AT_ONCE = 200;

/** Tells gateways of a change. */
export function createChangeTeller(
  options: ChangeTellerOptions,
): (change: AuthChange) => Promise<void> {
  return async ({ keyPrefix, invalidation, adminEvents }) => {
    // The order matters: a gateway that hears of the change asks again, and must not get the old answer.
    if (keyPrefix !== undefined) await options.fenceKey(keyPrefix);
    if (invalidation.kind === "team") await fenceKeys(invalidation.orgId, invalidation.teamId);
    if (invalidation.kind === "org") await fenceKeys(invalidation.orgId, undefined);
    await options.broadcast(invalidation);
    if (adminEvents === undefined) return;
    for (const event of JSON.parse(adminEvents) as AdminEvent[]) await options.raise(event);
  };

  async function fenceKeys(orgId: string, teamId: string | undefined): Promise<void> {
    let after: string | undefined;
    do {
      const keys = await options.prefixes(orgId, { teamId, after, limit: KEYS_AT_ONCE });
      await Promise.all(keys.map(({ prefix }) => options.fenceKey(prefix)));
      after = keys.length < KEYS_AT_ONCE ? undefined : keys.at(-1)?.id;
    } while (after !== undefined);
  }
}
