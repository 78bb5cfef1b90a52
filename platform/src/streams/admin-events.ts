/**
 * What administrators are told of. It is told at least once: who reads the stream knows an event again by its id.
 */
export type AdminEvent = ToolDefinitionChanged | BudgetThresholdReached;

export type ToolDefinitionChanged = {
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

/** Spend reached a threshold of a budget. Told once for each threshold and period, however spend goes on. */
export type BudgetThresholdReached = {
  /** UUID of the budget, "/", beginning of the period (ISO 8601, UTC), "/" and the threshold. */
  readonly id: string;
  readonly kind: "budget_threshold_reached";
  readonly orgId: string;
  /** UUID of the budget, and its name when the threshold was reached. */
  readonly budgetId: string;
  readonly budget: string;
  /** Percentage of the amount. */
  readonly threshold: number;
  /** What may be spent, and what was spent then, in micro-USD, as decimal integers: JSON has none of 64 bits. */
  readonly amountUsdMicros: string;
  readonly spentUsdMicros: string;
  /** The period, half-open. ISO 8601, UTC. */
  readonly periodStart: string;
  readonly periodEnd: string;
  /** When it was noticed. ISO 8601, UTC. */
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
