import {
  PriceService,
  SimulatePriceResponseSchema,
  type SimulatePriceResponse,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { Command } from "commander";
import { daysFrom, type DayFlags } from "../client/days.ts";
import { messageJson } from "../client/json.ts";
import { ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { table } from "../client/table.ts";
import { usd } from "../client/units.ts";
import { priceFrom, targetText, withPriceFlags, type PriceFlags } from "./price-flags.ts";

export function simulateCommand(): Command {
  const simulate = withPriceFlags(new Command("simulate"))
    .description("tell what the calls of a period would have cost by a rule; changes nothing")
    .option("--from <day>", "first day, YYYY-MM-DD, UTC (30 days ago)")
    .option("--to <day>", "last day, included (today); 92 days at most");
  return withTargetFlags(simulate)
    .addHelpText(
      "after",
      "\nExample:\n  gwo prices simulate 'everything/*' 0.001 --per-kb-out 0.0001 --max 0.05 --from 2026-11-01",
    )
    .action(simulatePrice);
}

async function simulatePrice(
  target: string,
  perCall: string | undefined,
  flags: AskFlags & PriceFlags & DayFlags,
): Promise<void> {
  const wanted = { ...priceFrom(target, perCall, flags), ...daysFrom(flags, Date.now()) };
  await ask(flags, "read", {
    work: (clients) => clients(PriceService).simulatePrice(wanted),
    json: (answer) => messageJson(SimulatePriceResponseSchema, answer),
    text: tellSimulation,
  });
}

/** What a simulation says, for people. */
export function tellSimulation(answer: SimulatePriceResponse): string {
  const { period, calls, cappedCalls, actualCostUsdMicros, simulatedCostUsdMicros } = answer;
  const days = `${period?.start ?? ""} to ${period?.end ?? ""}`;
  const total =
    `${usd(simulatedCostUsdMicros)} in place of ${usd(actualCostUsdMicros)} for ${String(calls)} calls, ` +
    `${String(cappedCalls)} of them held to the maximum (${days}, UTC)`;
  if (answer.lines.length === 0) return total;
  const rows = answer.lines.map((line) => [
    line.tool === "" ? `${line.server} ${line.operation}` : targetText(line),
    usd(line.simulatedCostUsdMicros),
    usd(line.actualCostUsdMicros),
    String(line.calls),
  ]);
  return `${total}\n\n${table(["FOR", "SIMULATED", "ACTUAL", "CALLS"], rows)}`;
}
