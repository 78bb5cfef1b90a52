/**
 * What administrators are told of. It is told at least once: who reads the stream knows an event again by its id.
 */
export type AdminEvent = {
  /** UUID of the change that tells of it, "/" and the tool's id of 16 hexadecimal digits: a change may tell of many. */
  readonly id: string;
  readonly kind: "tool_definition_changed";
  readonly orgId: string;
  /** Name of the server. */
  readonly server: string;
  readonly tool: string;
  /** SHA-256 of the definition until then and from then on, in hexadecimal digits. */
  readonly previousHash: string;
  readonly hash: string;
  /** ISO 8601, UTC. */
  readonly time: string;
};

/** Redis Stream of the events. An entry has the field `e`: JSON of an AdminEvent. */
export const ADMIN_EVENTS_STREAM = "gwo:{admin-events}:stream";

/** Entries that are kept, more or less: the oldest go first. */
const ENTRIES_MAX = 100_000;

/** The part of a Redis client that telling needs. */
export type AdminEventRedis = {
  xadd(key: string, ...args: (string | number)[]): Promise<unknown>;
};

export async function publishAdminEvent(redis: AdminEventRedis, event: AdminEvent): Promise<void> {
  const entry = JSON.stringify(event);
  await redis.xadd(ADMIN_EVENTS_STREAM, "MAXLEN", "~", ENTRIES_MAX, "*", "e", entry);
}
