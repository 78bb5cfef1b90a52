import type { CostBreakdown } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";

import { shareInPermille, toDecimalUsd } from "../money/usd.ts";
import { isDate, utcDate, type DateSpan } from "../time/time-range.ts";

const DAY_MS = 86_400_000;
const MAX_DAYS = 400;

/** A line of the breakdown. */
export interface CostRow {
  readonly group: string;
  readonly calls: bigint;
  readonly errors: bigint;
  readonly costUsdMicros: bigint;
  /** Share of the total in tenths of a percent. */
  readonly permille: number;
}

/** Lines of a breakdown with their share of the total. */
export function costRows(
  breakdown: readonly Pick<CostBreakdown, "group" | "calls" | "errors" | "costUsdMicros">[],
  totalUsdMicros: bigint,
): CostRow[] {
  return breakdown.map(({ group, calls, errors, costUsdMicros }) => ({
    group,
    calls,
    errors,
    costUsdMicros,
    permille: shareInPermille(costUsdMicros, totalUsdMicros),
  }));
}

/**
 * Adds the days that are missing, so that a chart's axis is even. Leaves the rows as they are when they are not days
 * or when the period is longer than 400 days.
 */
export function fillDays(rows: readonly CostRow[], period: DateSpan): readonly CostRow[] {
  const firstMs = Date.parse(period.startDate);
  const days = (Date.parse(period.endDate) - firstMs) / DAY_MS + 1;
  if (days > MAX_DAYS || !rows.every((row) => isDate(row.group))) return rows;
  const byDay = new Map(rows.map((row) => [row.group, row]));
  return Array.from({ length: days }, (_, day) => {
    const group = utcDate(firstMs + day * DAY_MS);
    return byDay.get(group) ?? { group, calls: 0n, errors: 0n, costUsdMicros: 0n, permille: 0 };
  });
}

/** The lines as CSV (RFC 4180). Names that a spreadsheet would run as a formula are led by an apostrophe. */
export function costCsv(rows: readonly CostRow[], groupLabel: string): string {
  const lines = rows.map((row) => [
    quote(/^[=+\-@\t\r]/.test(row.group) ? `'${row.group}` : row.group),
    String(row.calls),
    String(row.errors),
    toDecimalUsd(row.costUsdMicros),
  ]);
  return [[quote(groupLabel), "Calls", "Errors", "Cost USD"], ...lines]
    .map((fields) => `${fields.join(",")}\r\n`)
    .join("");
}

function quote(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
