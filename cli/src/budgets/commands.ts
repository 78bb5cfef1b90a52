import { OrganizationService } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import {
  BudgetSchema,
  BudgetService,
  BudgetWithUsageSchema,
  GetBudgetUsageResponseSchema,
  type Budget,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { Command } from "commander";
import { messageJson } from "../client/json.ts";
import { allPages, ask, withTargetFlags, type AskFlags } from "../client/options.ts";
import type { Clients } from "../client/target.ts";
import { usd, usdMicrosFrom } from "../client/units.ts";
import { Problem } from "../problem.ts";
import { resolveScope, scopeFrom } from "./budget-scope.ts";
import { budgetsText, PERIODS, POSTURES, usageText } from "./budget-text.ts";

type SettingFlags = AskFlags & {
  readonly thresholds?: string;
  readonly enforce?: boolean;
  readonly onUnavailable?: string;
};
type CreateFlags = SettingFlags & { readonly for: string; readonly period: string };
type UpdateFlags = SettingFlags & {
  readonly name?: string;
  readonly amount?: string;
  readonly observe?: boolean;
};

const WHICH = "name or id of the budget";

export function budgetCommands(): Command {
  const budgets = new Command("budgets").description("budgets: what may be spent, and what is");
  withTargetFlags(budgets.command("list").description("list budgets with what is spent of them"))
    .addHelpText("after", "\nExample:\n  gwo budgets list")
    .action(listBudgets);
  withSettings(
    budgets
      .command("create")
      .argument("<name>", "name for people, unique in the organisation")
      .argument("<usd>", "what may be spent in a period, in US dollars")
      .description("make a budget; it is observed unless --enforce is given")
      .option("--for <scope>", "org, team:NAME, user:EMAIL, key:NAME or server:NAME", "org")
      .option("--period <period>", Object.keys(PERIODS).join(", "), "monthly"),
  )
    .addHelpText(
      "after",
      "\nExamples:\n  gwo budgets create all 500\n  gwo budgets create ci 2.50 --for key:ci --period daily --enforce",
    )
    .action(createBudget);
  withSettings(
    budgets
      .command("update")
      .argument("<budget>", WHICH)
      .description("change a budget; what is not given stays as it is")
      .option("--name <name>", "new name")
      .option("--amount <usd>", "what may be spent in a period, in US dollars")
      .option("--observe", "refuse nothing, only count"),
  )
    .addHelpText("after", "\nExample:\n  gwo budgets update all --amount 750 --enforce")
    .action(updateBudget);
  withTargetFlags(
    budgets.command("delete").argument("<budget>", WHICH).description("delete a budget"),
  )
    .addHelpText("after", "\nExample:\n  gwo budgets delete all")
    .action(deleteBudget);
  withTargetFlags(
    budgets
      .command("usage")
      .argument("<budget>", WHICH)
      .description("show what is spent of a budget, in this period and in those before")
      .option("--past <n>", "periods before the current one, at most 60", "5"),
  )
    .addHelpText("after", "\nExample:\n  gwo budgets usage all --past 12")
    .action(showUsage);
  withTargetFlags(
    budgets
      .command("time-zone")
      .argument("[zone]", "IANA name, for example Europe/Berlin; left out: show it")
      .description("show or set the time zone by whose calendar budgets last"),
  )
    .addHelpText("after", "\nExample:\n  gwo budgets time-zone Europe/Berlin")
    .action(timeZone);
  return budgets;
}

function withSettings(command: Command): Command {
  return withTargetFlags(
    command
      .option("--thresholds <list>", "percentages that are told of when reached: 50,80,100")
      .option("--enforce", "refuse calls that might pass the amount")
      .option(
        "--on-unavailable <posture>",
        "what happens to calls while it cannot be decided: refuse or allow",
      ),
  );
}

async function listBudgets(flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: allBudgets,
    json: (items) => items.map((item) => messageJson(BudgetWithUsageSchema, item)),
    text: budgetsText,
  });
}

async function createBudget(name: string, amount: string, flags: CreateFlags): Promise<void> {
  const scope = scopeFrom(flags.for);
  const request = {
    name,
    amountUsdMicros: amountFrom(amount),
    period: oneOf("--period", PERIODS, flags.period),
    alertThresholds: flags.thresholds === undefined ? [] : thresholdsFrom(flags.thresholds),
    enforceLimit: flags.enforce === true,
    ...(flags.onUnavailable !== undefined && {
      onUnavailable: oneOf("--on-unavailable", POSTURES, flags.onUnavailable),
    }),
  };
  await ask(flags, "manage", {
    work: async (clients) => {
      const found = await resolveScope(clients, scope);
      return (await clients(BudgetService).createBudget({ ...request, ...found })).budget;
    },
    json: jsonOf,
    text: (budget) =>
      `${name} allows ${usd(request.amountUsdMicros)} ${flags.period} and is ${request.enforceLimit ? "enforced" : "observed"} (${budget?.id ?? ""}).`,
  });
}

async function updateBudget(wanted: string, flags: UpdateFlags): Promise<void> {
  if (flags.enforce === true && flags.observe === true)
    throw new Problem("--enforce and --observe are two modes", "Give one of them.");
  const changes = {
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.amount !== undefined && { amountUsdMicros: amountFrom(flags.amount) }),
    ...(flags.thresholds !== undefined && { alertThresholds: thresholdsFrom(flags.thresholds) }),
    ...(flags.enforce === true && { enforceLimit: true }),
    ...(flags.observe === true && { enforceLimit: false }),
    ...(flags.onUnavailable !== undefined && {
      onUnavailable: oneOf("--on-unavailable", POSTURES, flags.onUnavailable),
    }),
  };
  await ask(flags, "manage", {
    work: async (clients) => {
      const { id, name, amountUsdMicros, alertThresholds, enforceLimit, onUnavailable } =
        await budgetOf(clients, wanted);
      const settings = { name, amountUsdMicros, alertThresholds, enforceLimit, onUnavailable };
      return (await clients(BudgetService).updateBudget({ id, ...settings, ...changes })).budget;
    },
    json: jsonOf,
    text: (budget) => `Changed ${budget?.name ?? wanted}.`,
  });
}

async function deleteBudget(wanted: string, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: async (clients) => {
      const { id } = await budgetOf(clients, wanted);
      return clients(BudgetService).deleteBudget({ id });
    },
    json: () => ({}),
    text: () => `Deleted ${wanted}.`,
  });
}

async function showUsage(wanted: string, flags: AskFlags & { past: string }): Promise<void> {
  if (!/^\d{1,2}$/.test(flags.past))
    throw new Problem(`--past ${flags.past} is no number of periods`, "Give one from 0 to 60.");
  await ask(flags, "manage", {
    work: async (clients) => {
      const { id } = await budgetOf(clients, wanted);
      return clients(BudgetService).getBudgetUsage({ id, pastPeriods: Number(flags.past) });
    },
    json: (answer) => messageJson(GetBudgetUsageResponseSchema, answer),
    text: ({ budget, usages }) =>
      `${budget?.name ?? wanted}: ${usd(budget?.amountUsdMicros ?? 0n)} in a period\n\n${usageText(usages)}`,
  });
}

async function timeZone(zone: string | undefined, flags: AskFlags): Promise<void> {
  await ask(flags, "manage", {
    work: async (clients) => {
      const people = clients(OrganizationService);
      const answer =
        zone === undefined
          ? await people.getOrganization({})
          : await people.updateOrganization({ timeZone: zone });
      return answer.organization?.timeZone ?? "";
    },
    json: (name) => ({ time_zone: name }),
    text: (name) => name,
  });
}

async function allBudgets(clients: Clients) {
  return allPages((cursor) => clients(BudgetService).listBudgets({ limit: 200, cursor }));
}

async function budgetOf(clients: Clients, wanted: string): Promise<Budget> {
  const found = (await allBudgets(clients)).find(
    ({ budget }) => budget?.id === wanted || budget?.name === wanted,
  );
  if (found?.budget) return found.budget;
  throw new Problem(`there is no budget ${wanted}`, "See the budgets: gwo budgets list");
}

function jsonOf(budget: Budget | undefined): unknown {
  return budget === undefined ? null : messageJson(BudgetSchema, budget);
}

function amountFrom(text: string): bigint {
  const micros = usdMicrosFrom(text);
  if (micros !== undefined && micros > 0n) return micros;
  throw new Problem(
    `${text} is no amount in US dollars above 0`,
    "Write it with at most six decimals, like 250 or 2.50.",
  );
}

function thresholdsFrom(text: string): number[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.every((part) => /^[1-9]\d{0,3}$/.test(part))) return parts.map(Number);
  throw new Problem(
    `--thresholds ${text} is no list of percentages`,
    "Write whole numbers from 1 to 1000, like 50,80,100.",
  );
}

function oneOf<T>(flag: string, values: Readonly<Record<string, T>>, text: string): T {
  const value = Object.hasOwn(values, text) ? values[text] : undefined;
  if (value !== undefined) return value;
  throw new Problem(
    `${flag} ${text} is not known`,
    `Use one of: ${Object.keys(values).join(", ")}.`,
  );
}
