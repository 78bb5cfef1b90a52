import { timestampFromMs, timestampMs, type Timestamp } from "@bufbuild/protobuf/wkt";
import type { HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { Failure } from "@gatewayops/platform/errors";
import { requestIdOf, uuidFromText, hexOf, uuidToText } from "@gatewayops/platform/ids";
import {
  NO_TOOL,
  shownName,
  shownTool,
  type NameResolver,
  type NameRef,
} from "@gatewayops/platform/names";
import { requireCaller } from "@gatewayops/platform/rpc/caller";
import { GroupBy, type CostService } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import type { LedgerEntry, LedgerStore } from "../ledger/ledger-store.ts";
import { addDurations, quantileMs } from "./duration-histogram.ts";
import { periodOfDates, stepsOf } from "./periods.ts";
import type { GroupSums, Grouping, SummaryStore } from "./summary-store.ts";

/** What the cost methods need. */
export type CostRpcOptions = {
  readonly summaries: SummaryStore;
  readonly ledger: Pick<LedgerStore, "traceCost">;
  readonly names: NameResolver;
};

/** Most lines of a breakdown and calls of a trace. */
const LINES_MAX = 1_000;
const P95 = 0.95;

const GROUPINGS: Record<GroupBy, Grouping> = {
  [GroupBy.UNSPECIFIED]: "day",
  [GroupBy.DAY]: "day",
  [GroupBy.WEEK]: "week",
  [GroupBy.MONTH]: "month",
  [GroupBy.TEAM]: "team",
  [GroupBy.USER]: "user",
  [GroupBy.SERVER]: "server",
  [GroupBy.TOOL]: "tool",
  [GroupBy.KEY]: "key",
};

type Days = { readonly startDate: string; readonly endDate: string };

/** The methods of CostService: proto to domain and back. */
export function createCostRpc(options: CostRpcOptions): ServiceImpl<typeof CostService> {
  const { summaries, ledger, names } = options;

  async function summarize(days: Days, grouping: Grouping, context: HandlerContext) {
    const { orgId } = requireCaller(context);
    const period = periodOfDates(days.startDate, days.endDate);
    const { total, groups } = await summaries.summarize(orgId, {
      period,
      grouping,
      limit: LINES_MAX,
    });
    const labelOf = await labels(orgId, grouping, groups);
    return {
      summary: {
        totalCostUsdMicros: total.costUsdMicros,
        totalCalls: total.calls,
        totalErrors: total.errors,
        period: { start: days.startDate, end: days.endDate },
      },
      breakdown: groups.map((sums) => ({
        group: labelOf(sums),
        groupId: isTime(grouping) ? "" : sums.group,
        costUsdMicros: sums.costUsdMicros,
        calls: sums.calls,
        errors: sums.errors,
      })),
    };
  }

  async function labels(
    orgId: string,
    grouping: Grouping,
    groups: readonly GroupSums[],
  ): Promise<(sums: GroupSums) => string> {
    if (isTime(grouping)) return ({ group }) => (grouping === "month" ? group.slice(0, 7) : group);
    const refs = groups.flatMap(({ group, serverId }): NameRef[] => {
      const server: NameRef[] = serverId === "" ? [] : [{ kind: "server", id: serverId }];
      return group === "" ? server : [{ kind: grouping, id: group }, ...server];
    });
    const found = await names.resolve(orgId, refs);
    if (grouping !== "tool") return ({ group }) => shownName(found, grouping, group);
    return ({ group, serverId }) =>
      group === ""
        ? "(none)"
        : `${shownName(found, "server", serverId)}/${shownTool(found, group)}`;
  }

  return {
    getCostSummary: (request, context) => summarize(request, groupingOf(request.groupBy), context),
    getCostsByTeam: (request, context) => summarize(request, "team", context),
    getCostsByUser: (request, context) => summarize(request, "user", context),
    getCostsByServer: (request, context) => summarize(request, "server", context),

    async getTraceCost({ traceId }, context) {
      const { orgId } = requireCaller(context);
      const id = uuidFromText(traceId);
      if (id === undefined) throw notATraceId();
      const { totalUsdMicros, entries } = await ledger.traceCost(orgId, uuidToText(id), LINES_MAX);
      if (entries.length === 0) throw new Failure("NOT_FOUND", "No call of this trace is known.");
      const found = await names.resolve(orgId, entries.flatMap(refsOf));
      return {
        traceId: hexOf(id),
        totalCostUsdMicros: totalUsdMicros,
        calls: entries.map((entry) => ({
          requestId: requestIdOf(uuidFromText(entry.callId) ?? Buffer.alloc(16)),
          mcpServer: entry.serverName || (found.of("server", entry.serverId) ?? ""),
          toolName: entry.toolName || shownTool(found, entry.toolId),
          timestamp: timestampOfMicros(entry.timeUs),
          costUsdMicros: entry.costUsdMicros,
          priceRuleId: entry.priceRuleId,
        })),
      };
    },

    async getUsageSeries({ startTime, endTime, stepSeconds }, context) {
      const { orgId } = requireCaller(context);
      if (!startTime || !endTime)
        throw new Failure("REQUEST_INVALID", "start_time and end_time are required.");
      const steps = stepsOf(
        { startMs: timestampMs(startTime), endMs: timestampMs(endTime) },
        stepSeconds,
      );
      const sums = await summaries.series(orgId, steps);
      const byStep = new Map(sums.map((step) => [step.step, step]));
      const all: number[] = [];
      for (const { durations } of sums) addDurations(all, durations);
      return {
        stepSeconds: steps.stepSeconds,
        p95Ms: quantileMs(all, P95),
        points: Array.from({ length: steps.count }, (_, step) => {
          const found = byStep.get(step);
          return {
            time: timestampFromMs(steps.startMs + step * steps.stepSeconds * 1000),
            calls: found?.calls ?? 0n,
            errors: found?.errors ?? 0n,
            costUsdMicros: found?.costUsdMicros ?? 0n,
            p95Ms: quantileMs(found?.durations ?? [], P95),
          };
        }),
      };
    },
  };
}

/** The grouping of a request; by day for a number that a newer client knows. */
function groupingOf(groupBy: number): Grouping {
  return (GROUPINGS as Partial<Record<number, Grouping>>)[groupBy] ?? "day";
}

function isTime(grouping: Grouping): grouping is "day" | "week" | "month" {
  return grouping === "day" || grouping === "week" || grouping === "month";
}

function refsOf(entry: LedgerEntry): NameRef[] {
  const refs: NameRef[] = [];
  if (entry.serverId !== "" && entry.serverName === "")
    refs.push({ kind: "server", id: entry.serverId });
  if (entry.toolId !== NO_TOOL && entry.toolName === "")
    refs.push({ kind: "tool", id: entry.toolId });
  return refs;
}

function timestampOfMicros(us: bigint): Pick<Timestamp, "$typeName" | "seconds" | "nanos"> {
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: us / 1_000_000n,
    nanos: Number(us % 1_000_000n) * 1000,
  };
}

function notATraceId(): Failure {
  const message = "must be 32 hexadecimal digits, or the same as a UUID";
  return new Failure("REQUEST_INVALID", `trace_id ${message}.`, {
    details: [{ field: "trace_id", message }],
  });
}
