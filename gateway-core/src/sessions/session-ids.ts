import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Principal } from "../control/principal.ts";

/** Bytes of randomness, and of the MAC over it: 128 bits each. */
const RANDOM_BYTES = 16;
const MAC_BYTES = 16;

/**
 * Ids of the legacy era's sessions: random, behind a MAC over the key and the server, so that a session is of no use
 * to another principal (MCP security best practices, "Session Hijacking"), and a made-up id is refused without a look
 * into any store.
 */
export type SessionIds = {
  /** A new id for a session of this principal with this server. */
  create(principal: Principal, server: string): string;
  /** True when this principal was given this id for this server. */
  isOf(id: string, principal: Principal, server: string): boolean;
};

export function createSessionIds(secret: string): SessionIds {
  return {
    create(principal, server) {
      const random = randomBytes(RANDOM_BYTES);
      return Buffer.concat([random, mac(random, principal, server)]).toString("base64url");
    },
    isOf(id, principal, server) {
      const bytes = Buffer.from(id, "base64url");
      // Decoding ignores what is no base64: only the one right spelling of an id is that id.
      if (bytes.length !== RANDOM_BYTES + MAC_BYTES || bytes.toString("base64url") !== id)
        return false;
      const random = bytes.subarray(0, RANDOM_BYTES);
      return timingSafeEqual(bytes.subarray(RANDOM_BYTES), mac(random, principal, server));
    },
  };

  function mac(random: Buffer, principal: Principal, server: string): Buffer {
    return createHmac("sha256", secret)
      .update(`${principal.orgIdText} ${principal.keyIdText} ${server} `)
      .update(random)
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
