/** The middle of several measurements and how far they lie apart. */
export type Spread = { readonly min: number; readonly median: number; readonly max: number };

/** Of an even number the mean of the two in the middle. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1];
  const high = sorted[Math.floor(middle)];
  const min = sorted[0];
  const max = sorted.at(-1);
  if (low === undefined || high === undefined || min === undefined || max === undefined)
    throw new Error("no measurement, no spread");
  return { min, median: (low + high) / 2, max };
}
