import { createHmac, timingSafeEqual } from "node:crypto";
import type { Principal } from "../control/principal.ts";

/** Bytes of the MAC in a session id: 128 bits. */
const MAC_BYTES = 16;
const MAC_CHARS = Math.ceil((MAC_BYTES * 4) / 3);

/**
 * Session ids of the legacy era as agents see them: the server's own id behind a MAC over the key and the server, so
 * that a session is of no use to another principal (MCP security best practices, "Session Hijacking"), and any worker
 * of any replica can serve it without asking anyone.
 */
export type SessionIds = {
  seal(upstreamId: string, principal: Principal, serverId: string): string;
  /** The server's own id, undefined when this principal was not given this id. */
  unseal(sealed: string, principal: Principal, serverId: string): string | undefined;
};

export function createSessionIds(secret: string): SessionIds {
  return {
    seal: (upstreamId, principal, serverId) =>
      mac(upstreamId, principal, serverId).toString("base64url") + upstreamId,
    unseal(sealed, principal, serverId) {
      if (sealed.length <= MAC_CHARS) return undefined;
      const upstreamId = sealed.slice(MAC_CHARS);
      const given = Buffer.from(sealed.slice(0, MAC_CHARS), "base64url");
      if (given.length !== MAC_BYTES) return undefined;
      return timingSafeEqual(given, mac(upstreamId, principal, serverId)) ? upstreamId : undefined;
    },
  };

  function mac(upstreamId: string, principal: Principal, serverId: string): Buffer {
    return createHmac("sha256", secret)
      .update(`${principal.orgIdText} ${principal.keyIdText} ${serverId} ${upstreamId}`)
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
