import {
  CostService,
  GetCostSummaryResponseSchema,
  GroupBy,
  type GetCostSummaryResponse,
} from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import { Command } from "commander";
import { daysFrom, type DayFlags } from "../client/days.ts";
import { messageJson } from "../client/json.ts";
import { ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { table } from "../client/table.ts";
import { usd } from "../client/units.ts";
import { Problem } from "../problem.ts";

const GROUPS = {
  day: GroupBy.DAY,
  week: GroupBy.WEEK,
  month: GroupBy.MONTH,
  team: GroupBy.TEAM,
  user: GroupBy.USER,
  server: GroupBy.SERVER,
  tool: GroupBy.TOOL,
  key: GroupBy.KEY,
} as const;

type SummaryFlags = AskFlags & DayFlags & { readonly by: string };

export function costCommands(): Command {
  const costs = new Command("costs").description("what calls cost");
  withTargetFlags(
    costs
      .command("summary")
      .description("sum up a period and break it down")
      .option("--from <day>", "first day, YYYY-MM-DD, UTC (30 days ago)")
      .option("--to <day>", "last day, included (today)")
      .option("--by <group>", Object.keys(GROUPS).join(", "), "server"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  gwo costs summary\n  gwo costs summary --from 2026-11-01 --by tool",
    )
    .action(summarise);
  return costs;
}

async function summarise(flags: SummaryFlags): Promise<void> {
  const group = (GROUPS as Readonly<Record<string, GroupBy>>)[flags.by];
  if (group === undefined)
    throw new Problem(
      `--by ${flags.by} is not known`,
      `Use one of: ${Object.keys(GROUPS).join(", ")}.`,
    );
  await ask(flags, "read", {
    work: (clients) =>
      clients(CostService).getCostSummary({
        ...daysFrom(flags, Date.now()),
        groupBy: group,
      }),
    json: (answer) => messageJson(GetCostSummaryResponseSchema, answer),
    text: (answer) => tellSummary(answer, flags.by),
  });
}

function tellSummary(answer: GetCostSummaryResponse, by: string): string {
  const { summary } = answer;
  const period = `${summary?.period?.start ?? ""} to ${summary?.period?.end ?? ""}`;
  const totals = `${usd(summary?.totalCostUsdMicros ?? 0n)} for ${String(summary?.totalCalls ?? 0n)} calls, ${String(summary?.totalErrors ?? 0n)} of them failed (${period}, UTC)`;
  if (answer.breakdown.length === 0) return totals;
  const rows = answer.breakdown.map((line) => [
    line.group,
    usd(line.costUsdMicros),
    String(line.calls),
    String(line.errors),
  ]);
  return `${totals}\n\n${table([by.toUpperCase(), "COST", "CALLS", "ERRORS"], rows)}`;
}
