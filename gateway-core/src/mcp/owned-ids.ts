import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Principal } from "../control/principal.ts";

// What only one worker can finish carries the name of that worker in its id, so that any other worker can pass on what
// belongs to it. An id is unguessable; a state that travels through the agent is bound to whom and what it was made for.

const PREFIX = "gwo1";
const RANDOM_BYTES = 16;
const MAC_BYTES = 16;

/** A new id that names its owner. @param owner name of this worker, without dots */
export function createOwnedId(owner: string): string {
  return `${PREFIX}.${owner}.${randomBytes(RANDOM_BYTES).toString("base64url")}`;
}

/** The worker that an id, or a sealed one, names; undefined when it is none of ours. */
export function ownerOf(id: string): string | undefined {
  const [prefix, owner, random] = id.split(".", 3);
  return prefix === PREFIX && owner !== undefined && random !== undefined ? owner : undefined;
}

/** What a state was made for. A state that comes with anything else is refused (MCP 2026-07-28 patterns/mrtr). */
export type StatePurpose = {
  readonly principal: Principal;
  readonly serverId: string;
  readonly method: string;
  readonly target: string;
  /** The call's arguments. */
  readonly args: unknown;
};

export type StateSeal = {
  /** The id behind a MAC, for the agent to bring back. */
  seal(id: string, purpose: StatePurpose): string;
  /** The id, undefined when the state was not made for this purpose. */
  open(state: string, purpose: StatePurpose): string | undefined;
};

export function createStateSeal(secret: string): StateSeal {
  return {
    seal: (id, purpose) => `${id}.${mac(id, purpose).toString("base64url")}`,
    open(state, purpose) {
      const end = state.lastIndexOf(".");
      const id = state.slice(0, Math.max(end, 0));
      const given = Buffer.from(state.slice(end + 1), "base64url");
      if (ownerOf(id) === undefined || given.length !== MAC_BYTES) return undefined;
      // Decoding ignores what is no base64: only the one right spelling counts.
      if (given.toString("base64url") !== state.slice(end + 1)) return undefined;
      return timingSafeEqual(given, mac(id, purpose)) ? id : undefined;
    },
  };

  function mac(id: string, { principal, serverId, method, target, args }: StatePurpose): Buffer {
    return createHmac("sha256", secret)
      .update(
        JSON.stringify([
          ...["requestState", id, principal.orgIdText, principal.keyIdText, serverId],
          ...[method, target, args ?? null],
        ]),
      )
      .digest()
      .subarray(0, MAC_BYTES);
  }
}
