import { GroupBy } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";

import { datesOf, isDate, type DateSpan } from "../time/time-range.ts";

/** What costs can be broken down by. `time` groups are drawn in order of time, the others by falling cost. */
export const COST_GROUPS = [
  { id: "day", groupBy: GroupBy.DAY, label: "Day", time: true },
  { id: "week", groupBy: GroupBy.WEEK, label: "Week", time: true },
  { id: "month", groupBy: GroupBy.MONTH, label: "Month", time: true },
  { id: "team", groupBy: GroupBy.TEAM, label: "Team", time: false },
  { id: "user", groupBy: GroupBy.USER, label: "Person", time: false },
  { id: "server", groupBy: GroupBy.SERVER, label: "Server", time: false },
  { id: "tool", groupBy: GroupBy.TOOL, label: "Tool", time: false },
  { id: "key", groupBy: GroupBy.KEY, label: "API key", time: false },
] as const;

export type CostGroup = (typeof COST_GROUPS)[number];

/** What the page of costs asks for. */
export interface CostFilter extends DateSpan {
  readonly group: CostGroup;
}

/** Reads the filter from the address: the last 30 days by day where it says nothing that makes sense. */
export function costFilterFrom(
  query: Readonly<Record<"from" | "to" | "by", string | undefined>>,
  nowMs: number,
): CostFilter {
  const { from, to } = query;
  const period =
    isDate(from) && isDate(to) && from <= to
      ? { startDate: from, endDate: to }
      : datesOf("30d", nowMs);
  return { ...period, group: COST_GROUPS.find((group) => group.id === query.by) ?? COST_GROUPS[0] };
}
