import type { Period, Steps } from "./periods.ts";

/** What sums are grouped by. */
export type Grouping = "day" | "week" | "month" | "team" | "user" | "server" | "tool" | "key";

/** Sums over calls. */
export type Sums = {
  readonly costUsdMicros: bigint;
  readonly calls: bigint;
  /** Calls whose outcome is not ok. */
  readonly errors: bigint;
};

/** Sums of one group. */
export type GroupSums = Sums & {
  /** First day of a time group, YYYY-MM-DD; else an id: a UUID, or 16 hexadecimal digits for a tool. Empty: none. */
  readonly group: string;
  /** Server of a tool, a UUID; else empty. */
  readonly serverId: string;
};

/** Sums of a period, whole and by group. */
export type Summary = {
  readonly total: Sums;
  /** At most the limit: time groups in order of time, others by falling cost. */
  readonly groups: readonly GroupSums[];
};

/** Sums of one step of a series. */
export type StepSums = Sums & {
  /** Number of the step, from 0. */
  readonly step: number;
  /** Calls by duration, see duration-histogram. */
  readonly durations: readonly number[];
};

/** What is asked of the sums by minute. */
export type SummaryQuery = {
  readonly period: Period;
  readonly grouping: Grouping;
  readonly limit: number;
};

/** Reads the sums by minute that the ledger keeps. */
export type SummaryStore = {
  summarize(orgId: string, query: SummaryQuery): Promise<Summary>;
  /** Steps with calls, in order; the others are left out. */
  series(orgId: string, steps: Steps): Promise<readonly StepSums[]>;
};
