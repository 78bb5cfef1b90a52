import {
  BudgetPeriod,
  BudgetScope,
  type BudgetUsage,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";

/** How near a budget is to its amount. */
export type Nearness = "ok" | "near" | "over";

/** From this share of the amount on, in percent, a budget is near it. */
const NEAR_PERCENT = 80n;

export const PERIODS: readonly { readonly id: BudgetPeriod; readonly label: string }[] = [
  { id: BudgetPeriod.DAILY, label: "Daily" },
  { id: BudgetPeriod.WEEKLY, label: "Weekly" },
  { id: BudgetPeriod.MONTHLY, label: "Monthly" },
];

export const SCOPES: readonly { readonly id: BudgetScope; readonly label: string }[] = [
  { id: BudgetScope.ORG, label: "Organisation" },
  { id: BudgetScope.TEAM, label: "Team" },
  { id: BudgetScope.USER, label: "Person" },
  { id: BudgetScope.KEY, label: "API key" },
  { id: BudgetScope.SERVER, label: "MCP server" },
];

export function periodName(period: BudgetPeriod): string {
  return PERIODS.find(({ id }) => id === period)?.label ?? "Other";
}

export function scopeName(scope: BudgetScope): string {
  return SCOPES.find(({ id }) => id === scope)?.label ?? "Other";
}

/** What a row shows of a usage. */
export interface UsageFigures {
  /** Share of the amount that is spent, in whole percent, rounded down: only what is spent reaches 100. */
  readonly percent: number;
  /** Width of the bar, in percent: 100 at most. */
  readonly barPercent: number;
  readonly nearness: Nearness;
  /** True: the forecast is above the amount. */
  readonly willPass: boolean;
}

type Sums = Pick<BudgetUsage, "amountUsdMicros" | "spentUsdMicros" | "forecastUsdMicros">;

export function figuresOf(usage: Sums): UsageFigures {
  const { amountUsdMicros: amount, spentUsdMicros: spent, forecastUsdMicros: forecast } = usage;
  const percent = amount === 0n ? 0n : (spent * 100n) / amount;
  let nearness: Nearness = "ok";
  if (percent >= 100n) nearness = "over";
  else if (percent >= NEAR_PERCENT) nearness = "near";
  return {
    percent: Number(percent),
    barPercent: Math.min(Number(percent), 100),
    nearness,
    willPass: forecast !== undefined && forecast > amount,
  };
}

/** Percentages that a person wrote, rising: "50, 80 100". Undefined when they are none, or more than ten. */
export function thresholdsFrom(text: string): number[] | undefined {
  const words = text.split(/[\s,;%]+/).filter((word) => word !== "");
  const numbers = [...new Set(words.map(Number))].sort((a, b) => a - b);
  const fit = numbers.every((number) => Number.isInteger(number) && number >= 1 && number <= 1000);
  return fit && numbers.length >= 1 && numbers.length <= 10 ? numbers : undefined;
}
