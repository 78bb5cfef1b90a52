/**
 * Upper bounds of the buckets of call durations, in microseconds, included. A last bucket holds what is longer. They
 * refine the buckets of the gateway's metric `gateway_request_duration_seconds`. `cost_minute.durations` holds one
 * count for each: a change needs a new column, since old rows cannot be read with new bounds.
 */
export const DURATION_BOUNDS_US: readonly number[] = [
  250, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 5_000, 7_500, 10_000, 15_000, 20_000, 25_000, 35_000,
  50_000, 75_000, 100_000, 150_000, 200_000, 250_000, 350_000, 500_000, 750_000, 1_000_000,
  1_500_000, 2_500_000, 3_500_000, 5_000_000, 7_500_000, 10_000_000, 15_000_000, 30_000_000,
  60_000_000, 120_000_000, 300_000_000,
];

/** Number of buckets. */
export const DURATION_BUCKETS = DURATION_BOUNDS_US.length + 1;

/** Adds counts into a sum. Histograms of no calls may be empty. */
export function addDurations(sum: number[], counts: readonly number[]): void {
  counts.forEach((count, bucket) => {
    sum[bucket] = (sum[bucket] ?? 0) + count;
  });
}

/**
 * A quantile of durations in milliseconds, placed within its bucket as if the calls in it were spread evenly. 0 when
 * there are no calls; the last bound when it lies beyond.
 */
export function quantileMs(counts: readonly number[], quantile: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return 0;
  const rank = quantile * total;
  let before = 0;
  for (const [bucket, upperUs] of DURATION_BOUNDS_US.entries()) {
    const count = counts[bucket] ?? 0;
    if (count > 0 && before + count >= rank) {
      const lowerUs = DURATION_BOUNDS_US[bucket - 1] ?? 0;
      return (lowerUs + (upperUs - lowerUs) * ((rank - before) / count)) / 1000;
    }
    before += count;
  }
  return (DURATION_BOUNDS_US.at(-1) ?? 0) / 1000;
}
