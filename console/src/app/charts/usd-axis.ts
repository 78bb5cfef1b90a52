import { formatUsd } from "../money/usd.ts";

/**
 * Position of an amount on an axis. A chart draws with numbers; whole micro-USD are exact in one up to 9 billion USD,
 * and no sum is ever made of them.
 */
export function toAxis(usdMicros: bigint): number {
  return Number(usdMicros);
}

/** Writes a position on an axis of micro-USD. */
export function formatAxisUsd(position: number): string {
  return formatUsd(BigInt(Math.round(position)));
}
