import type { Redis } from "ioredis";

// What is spent of an organisation's budgets, as svc-cost reads it from the ledger every second or two: for observing
// and showing. What enforcing goes by is in budget-state.ts.

/** Figures by budget id. */
export type SpentFigures = ReadonlyMap<
  string,
  {
    /** Beginning of the period, milliseconds since 1970. */
    readonly startMs: number;
    readonly usdMicros: bigint;
  }
>;

/** Milliseconds that figures are kept: ones that nobody writes any more are of no use. */
const KEEP_MS = 600_000;

function keyOf(orgId: string): string {
  return `gwo:{budgets:${orgId}}:spent`;
}

/** Writes an organisation's figures, all of them. */
export async function writeSpent(
  redis: Redis,
  orgId: string,
  figures: SpentFigures,
): Promise<void> {
  const fields = [...figures].flatMap(([id, { startMs, usdMicros }]) => [
    id,
    `${startMs} ${usdMicros}`,
  ]);
  const key = keyOf(orgId);
  const transaction = redis.multi().del(key);
  if (fields.length > 0) transaction.hset(key, ...fields).pexpire(key, KEEP_MS);
  await transaction.exec();
}

export async function readSpent(redis: Redis, orgId: string): Promise<SpentFigures> {
  const fields = await redis.hgetall(keyOf(orgId));
  return new Map(
    Object.entries(fields).map(([id, value]) => {
      const [startMs, usdMicros] = value.split(" ");
      return [id, { startMs: Number(startMs), usdMicros: BigInt(usdMicros ?? "0") }];
    }),
  );
}
