const DAY_MS = 86_400_000;

/** Flags of a period of whole days, UTC. */
export type DayFlags = { readonly from?: string; readonly to?: string };

/** The period of the flags, YYYY-MM-DD; without them the last 30 days. */
export function daysFrom(
  { from, to }: DayFlags,
  nowMs: number,
): { readonly startDate: string; readonly endDate: string } {
  return { startDate: from ?? dayOf(nowMs - 29 * DAY_MS), endDate: to ?? dayOf(nowMs) };
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
