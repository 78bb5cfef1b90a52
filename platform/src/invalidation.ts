/**
 * Changes that every gateway must know of within a second. The service that made a change publishes it after its
 * transaction; listeners drop what they cached. A counter beside the channel tells listeners of messages they missed.
 */
export type Invalidation =
  | { readonly kind: "key"; readonly orgId: string; readonly keyId: string }
  | { readonly kind: "team"; readonly orgId: string; readonly teamId: string }
  | { readonly kind: "server"; readonly orgId: string; readonly name: string }
  | { readonly kind: "prices"; readonly orgId: string }
  | { readonly kind: "budgets"; readonly orgId: string }
  /** Not a change: asks workers what they keep of a budget's period, which is built anew. */
  | {
      readonly kind: "budget_report";
      readonly orgId: string;
      readonly budgetId: string;
      /** Milliseconds since 1970. */
      readonly startMs: number;
      readonly endMs: number;
    }
  | { readonly kind: "org"; readonly orgId: string };

/** Redis channel of the changes. A message is `{sequence} {JSON of an Invalidation}`. */
export const INVALIDATION_CHANNEL = "gwo:{control}:changes";

/** Redis key of the counter: the sequence number of the newest message. */
export const INVALIDATION_COUNTER = "gwo:{control}:sequence";

const PUBLISH = `
local sequence = redis.call("INCR", KEYS[1])
redis.call("PUBLISH", ARGV[1], sequence .. " " .. ARGV[2])
return sequence
`;

/** The part of a Redis client that publishing needs. */
export type InvalidationRedis = {
  eval(script: string, keyCount: number, ...args: string[]): Promise<unknown>;
};

/** Tells every gateway of a change. */
export async function publishInvalidation(
  redis: InvalidationRedis,
  change: Invalidation,
): Promise<void> {
  await redis.eval(PUBLISH, 1, INVALIDATION_COUNTER, INVALIDATION_CHANNEL, JSON.stringify(change));
}

/** The sequence number and change of a message; undefined when it is not one. */
export function parseInvalidation(
  message: string,
): { sequence: number; change: Invalidation } | undefined {
  const space = message.indexOf(" ");
  const sequence = Number(message.slice(0, space));
  if (space <= 0 || !Number.isSafeInteger(sequence)) return undefined;
  try {
    const change = JSON.parse(message.slice(space + 1)) as Partial<Invalidation> | null;
    return change && KINDS.has(change.kind)
      ? { sequence, change: change as Invalidation }
      : undefined;
  } catch {
    return undefined; // not JSON
  }
}

const KINDS: ReadonlySet<unknown> = new Set<Invalidation["kind"]>([
  "key",
  "team",
  "server",
  "prices",
  "budgets",
  "budget_report",
  "org",
]);
