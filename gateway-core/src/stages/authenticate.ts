import { Failure } from "@gatewayops/platform/errors";
import type { Directory, KeyMemo } from "../control/directory.ts";
import type { Principal } from "../control/principal.ts";

// Posture: closed. A key that cannot be checked is refused with 503; one that was checked serves until its cached
// answer expires.

export type CredentialHeader = {
  /** Name of the header, lower case: `auth.api_key_header`. */
  readonly header: string;
  /** What stands before the key's random part: `auth.api_key_prefix`, for example "Bearer gwo_". */
  readonly prefix: string;
};

/** Finds the principal of a request. Synchronous when the key is known to this worker. */
export type AuthenticateStage = (
  header: string | string[] | undefined,
  connection?: KeyMemo,
) => Principal | Promise<Principal>;

export function createAuthenticateStage(
  directory: Directory,
  credentials: CredentialHeader,
): AuthenticateStage {
  const prefix = credentials.prefix.toLowerCase();
  // The key begins after the scheme: "Bearer gwo_" is a scheme and the key's own first letters.
  const keyOffset = credentials.prefix.lastIndexOf(" ") + 1;
  const expected = `Send \`${credentials.header}: ${credentials.prefix}…\`.`;
  return (header, connection) => {
    if (typeof header !== "string" || header === "")
      throw new Failure("CREDENTIALS_MISSING", `This request carries no API key. ${expected}`);
    if (header.slice(0, prefix.length).toLowerCase() !== prefix)
      throw new Failure(
        "KEY_INVALID",
        `The ${credentials.header} header does not hold an API key. ${expected}`,
      );
    return directory.principal(header.slice(keyOffset).trim(), connection);
  };
}
