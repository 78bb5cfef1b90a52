import {
  PriceRuleSchema,
  PriceService,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { Command } from "commander";
import { messageJson } from "../client/json.ts";
import { allPages, ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import { table } from "../client/table.ts";
import { usd, usdMicrosFrom } from "../client/units.ts";
import { Problem } from "../problem.ts";

export function priceCommands(): Command {
  const prices = new Command("prices").description("price rules: what a call costs");
  withTargetFlags(prices.command("list").description("list the rules; the most exact one wins"))
    .addHelpText("after", "\nExample:\n  gwo prices list")
    .action(listPrices);
  withTargetFlags(
    prices
      .command("set")
      .argument("<server/tool>", '"*" stands for any, for example everything/*')
      .argument("<usd>", "price of one call in US dollars, to the millionth")
      .description(
        "set the price of a server's or a tool's calls, in every gateway within a second",
      ),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  gwo prices set 'everything/*' 0.001\n  gwo prices set everything/echo 0.00025",
    )
    .action(setPrice);
  withTargetFlags(
    prices
      .command("remove")
      .argument("<server/tool or id>", "the rule, as gwo prices list shows it")
      .description("remove a rule; calls already priced keep their price"),
  )
    .addHelpText("after", "\nExample:\n  gwo prices remove everything/echo")
    .action(removePrice);
  return prices;
}

async function listPrices(flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: (clients) =>
      allPages((cursor) => clients(PriceService).listPriceRules({ limit: 200, cursor })),
    json: (rules) => rules.map((rule) => messageJson(PriceRuleSchema, rule)),
    text: (rules) =>
      table(
        ["FOR", "PER CALL", "ID"],
        rules.map((rule) => [`${rule.server}/${rule.tool}`, usd(rule.perCallUsdMicros), rule.id]),
      ),
  });
}

async function setPrice(target: string, amount: string, flags: AskFlags): Promise<void> {
  const { server, tool } = targetFrom(target);
  const perCallUsdMicros = usdMicrosFrom(amount);
  if (perCallUsdMicros === undefined)
    throw new Problem(
      `${amount} is no amount in US dollars`,
      "Write it with at most six decimals, like 0.00025.",
    );
  await ask(flags, "manage", {
    work: async (clients) =>
      (await clients(PriceService).createPriceRule({ server, tool, perCallUsdMicros })).priceRule,
    json: (rule) => (rule === undefined ? null : messageJson(PriceRuleSchema, rule)),
    text: (rule) =>
      `${server}/${tool} costs ${usd(perCallUsdMicros)} per call (${rule?.id ?? ""}).`,
  });
}

async function removePrice(wanted: string, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    async work(clients) {
      const prices = clients(PriceService);
      if (!wanted.includes("/")) return prices.deletePriceRule({ id: wanted });
      const rules = await allPages((cursor) => prices.listPriceRules({ limit: 200, cursor }));
      const rule = rules.find(({ server, tool }) => `${server}/${tool}` === wanted);
      if (rule === undefined)
        throw new Problem(`there is no rule for ${wanted}`, "See the rules: gwo prices list");
      return prices.deletePriceRule({ id: rule.id });
    },
    json: () => ({}),
    text: () => `Removed ${wanted}.`,
  });
}

/** "server/tool"; a server alone stands for all of its tools. */
function targetFrom(text: string): { server: string; tool: string } {
  const slash = text.indexOf("/");
  if (slash === -1) return { server: text, tool: "*" };
  return { server: text.slice(0, slash), tool: text.slice(slash + 1) };
}
