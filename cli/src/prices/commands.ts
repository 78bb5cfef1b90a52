import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import {
  PriceRuleSchema,
  PriceService,
  type PriceRule,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { Command } from "commander";
import { messageJson } from "../client/json.ts";
import { allPages, ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { table } from "../client/table.ts";
import { dateAndTime } from "../client/units.ts";
import { Problem } from "../problem.ts";
import {
  priceFrom,
  priceText,
  targetText,
  timeFrom,
  withPriceFlags,
  type PriceFlags,
} from "./price-flags.ts";
import { simulateCommand } from "./simulate.ts";

export function priceCommands(): Command {
  const prices = new Command("prices").description("price rules: what a call costs");
  withTargetFlags(
    prices
      .command("list")
      .description("list the rules in force and to come; the most exact one wins")
      .option("--ended", "those that have ended too"),
  )
    .addHelpText("after", "\nExamples:\n  gwo prices list\n  gwo prices list --ended --json")
    .action(listPrices);
  withTargetFlags(
    withPriceFlags(prices.command("set"))
      .alias("create")
      .description("set the price of calls, in every gateway within a second or at its time")
      .option("--honour-reported", "let the MCP server's answers say what they cost, up to --max")
      .option("--effective <time>", "when it begins, like 2026-12-01T00:00:00Z (at once)"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  gwo prices set 'everything/*' 0.001\n  gwo prices set everything/echo 0.00025 --per-kb-out 0.0001 --max 0.05",
    )
    .action(setPrice);
  withTargetFlags(
    prices
      .command("remove")
      .alias("delete")
      .argument("<server/tool or id>", "the rule, as gwo prices list shows it")
      .description("end a rule, or withdraw one to come; calls already priced keep their price"),
  )
    .addHelpText("after", "\nExample:\n  gwo prices remove everything/echo")
    .action(removePrice);
  prices.addCommand(simulateCommand());
  return prices;
}

async function listPrices(flags: AskFlags & { readonly ended?: boolean }): Promise<void> {
  const includeEnded = flags.ended === true;
  await ask(flags, "manage", {
    work: (clients) =>
      allPages((cursor) =>
        clients(PriceService).listPriceRules({ limit: 200, cursor, includeEnded }),
      ),
    json: (rules) => rules.map((rule) => messageJson(PriceRuleSchema, rule)),
    text: (rules) => table(["FOR", "PRICE", "FROM", "UNTIL", "ID"], rules.map(rowOf)),
  });
}

function rowOf(rule: PriceRule): string[] {
  const time = (at: Timestamp | undefined): string =>
    at === undefined ? "" : dateAndTime(timestampDate(at));
  return [targetText(rule), priceText(rule), time(rule.effectiveTime), time(rule.endTime), rule.id];
}

type SetFlags = AskFlags &
  PriceFlags & { readonly honourReported?: boolean; readonly effective?: string };

async function setPrice(
  target: string,
  perCall: string | undefined,
  flags: SetFlags,
): Promise<void> {
  const effectiveTime = timeFrom("--effective", flags.effective);
  const wanted = {
    ...priceFrom(target, perCall, flags),
    honourReported: flags.honourReported === true,
    ...(effectiveTime && { effectiveTime }),
  };
  await ask(flags, "manage", {
    work: async (clients) => (await clients(PriceService).createPriceRule(wanted)).priceRule,
    json: (rule) => (rule === undefined ? null : messageJson(PriceRuleSchema, rule)),
    text: (rule) => (rule === undefined ? "" : tellRule(rule, effectiveTime)),
  });
}

function tellRule(rule: PriceRule, effectiveTime: Timestamp | undefined): string {
  const from = effectiveTime ? ` from ${dateAndTime(timestampDate(effectiveTime))}` : "";
  return `${targetText(rule)} costs ${priceText(rule)}${from} (${rule.id}).`;
}

async function removePrice(wanted: string, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    async work(clients) {
      const prices = clients(PriceService);
      if (!wanted.includes("/")) return prices.deletePriceRule({ id: wanted });
      const rules = await allPages((cursor) => prices.listPriceRules({ limit: 200, cursor }));
      const [rule, another] = rules.filter((one) => targetText(one) === wanted);
      if (rule === undefined)
        throw new Problem(`there is no rule for ${wanted}`, "See the rules: gwo prices list");
      if (another !== undefined)
        throw new Problem(
          `there are several rules for ${wanted}, one after the other`,
          "Name one by its id: gwo prices list",
        );
      return prices.deletePriceRule({ id: rule.id });
    },
    json: () => ({}),
    text: () => `Removed ${wanted}.`,
  });
}
