import type { Caller } from "@gatewayops/platform/rpc/caller";
import { credentialsOf } from "@gatewayops/platform/rpc/client";
import { callerOfKey } from "./keys/api-key.ts";
import type { KeyValidator } from "./keys/key-validator.ts";
import { Secret } from "./secret.ts";
import type { SessionKeeper } from "./sessions/session-keeper.ts";

/** Finds the callers of this service itself. The RPC server refuses changes that come from other sites' pages. */
export function createLocalAuthenticator(options: {
  readonly validator: KeyValidator;
  readonly keeper: SessionKeeper;
}): (headers: Headers) => Promise<Caller | undefined> {
  return async (headers) => {
    const credentials = credentialsOf(headers);
    if (!credentials) return undefined;
    const secret = new Secret(credentials.value);
    if (credentials.kind === "session") return options.keeper.validate(secret);
    return callerOfKey(await options.validator.validate(secret));
  };
}
