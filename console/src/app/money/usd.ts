const MICROS_PER_USD = 1_000_000n;
const MIN_DECIMALS = 2;

/**
 * Writes integer micro-USD as US dollars: "$0.001234", "$12.50", "−$1,234.00". Exact; at least two decimals and no
 * trailing zeros beyond them.
 */
export function formatUsd(usdMicros: bigint): string {
  const sign = usdMicros < 0n ? "−" : "";
  return `${sign}$${groupThousands(abs(usdMicros) / MICROS_PER_USD)}.${fraction(usdMicros)}`;
}

/** Writes integer micro-USD as a plain decimal for files: "-1234.5" becomes "-1234.50", never grouped. */
export function toDecimalUsd(usdMicros: bigint): string {
  const sign = usdMicros < 0n ? "-" : "";
  return `${sign}${String(abs(usdMicros) / MICROS_PER_USD)}.${fraction(usdMicros)}`;
}

/**
 * Micro-USD of an amount that a person wrote in US dollars, thousands grouped or not: "1,234.50". Undefined when it is
 * none, or finer than a micro-USD; "12,50" is none, rather than a hundred times what was meant.
 */
export function usdMicrosFrom(text: string): bigint | undefined {
  const match = /^\$?(\d{1,9}|\d{1,3}(?:,\d{3}){1,2})(?:\.(\d{1,6}))?$/.exec(text.trim());
  if (match === null) return undefined;
  return (
    BigInt((match[1] ?? "0").replaceAll(",", "")) * MICROS_PER_USD +
    BigInt((match[2] ?? "").padEnd(6, "0"))
  );
}

/** Decimals that `formatUsd` writes. */
export function decimalsOf(usdMicros: bigint): number {
  return fraction(usdMicros).length;
}

/** Most decimals that `formatUsd` writes for any of the amounts. */
export function mostDecimals(amounts: Iterable<bigint>): number {
  let most = MIN_DECIMALS;
  for (const amount of amounts) most = Math.max(most, decimalsOf(amount));
  return most;
}

/** Sums amounts of micro-USD. */
export function sumUsdMicros(amounts: Iterable<bigint>): bigint {
  let sum = 0n;
  for (const amount of amounts) sum += amount;
  return sum;
}

/** Share of a part in a whole, in tenths of a percent, rounded half up; 0 where the whole is 0. */
export function shareInPermille(part: bigint, whole: bigint): number {
  if (whole === 0n) return 0;
  return Number((part * 2000n + whole) / (whole * 2n));
}

function fraction(usdMicros: bigint): string {
  const digits = String(abs(usdMicros) % MICROS_PER_USD).padStart(6, "0");
  return digits.replace(/0+$/, "").padEnd(MIN_DECIMALS, "0");
}

function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function groupThousands(value: bigint): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}
