import { execFile } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  ADMIN_EVENTS_STREAM,
  type AdminEvent,
  type BudgetThresholdReached,
} from "@gatewayops/platform/streams/admin-events";
import { Redis } from "ioredis";
import type { Browser } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { asAdmin } from "./console-page.ts";
import { makeKey, makeServer, setPrice, signIn, unique, type Admin } from "./control-plane.ts";
import { gwoProgram } from "./own-stack.ts";
import { callTool, readStack, urlOf, waitFor } from "./stack.ts";

const stack = readStack();
/** Kept out of the repository: pictures for people to look at. */
const PICTURES = join(import.meta.dirname, "../../../test-results");

type Budget = { id: string; name: string; amount: number; alert_thresholds: number[] };
type Usage = { spent: number; reached_thresholds: number[]; period_start: string };
type Listed = { items: { budget: Budget; usage: Usage }[] };

let admin: Admin;
let browser: Browser;
let redis: Redis;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  [browser, admin] = await Promise.all([launchChromium(), signIn(stack)]);
  redis = new Redis(stack.redisUrl);
}, 60_000);

afterAll(async () => {
  redis.disconnect();
  await browser.close();
});

async function budgetNamed(name: string): Promise<Listed["items"][number] | undefined> {
  const { items } = await admin.ask<Listed>("GET", "/v1/budgets?limit=200");
  return items.find(({ budget }) => budget.name === name);
}

describe("a budget", () => {
  it("counts what its calls cost, and tells administrators of the thresholds they reach", async () => {
    const server = await makeServer(admin, { url: urlOf(stack, "mcp-everything") });
    await setPrice(admin, { server, tool: "*", usd: "0.25" });
    const { id: keyId, secret } = await makeKey(admin);
    const name = unique("budget");
    const { budget } = await admin.ask<{ budget: Budget }>("POST", "/v1/budgets", {
      name,
      scope_type: "key",
      scope_id: keyId,
      amount: 1.5,
      period: "monthly",
      alert_thresholds: [80, 50],
    });
    expect(budget).toMatchObject({ amount: 1.5, alert_thresholds: [50, 80], enforce_limit: false });
    const call = { server, tool: "echo", arguments: { message: "x" } };
    for (let calls = 0; calls < 3; calls += 1) await callTool(stack, secret, call);
    // Another key's call.
    await callTool(stack, (await makeKey(admin)).secret, call);
    const found = await waitFor("three calls count", 5_000, async () => {
      const item = await budgetNamed(name);
      return item && item.usage.spent >= 0.75 ? item : undefined;
    });
    expect(found.usage).toMatchObject({ spent: 0.75, reached_thresholds: [50], refused_calls: 0 });
    const event = await waitFor("the threshold is told", 20_000, async () => {
      const entries = await redis.xrange(ADMIN_EVENTS_STREAM, "-", "+");
      return entries
        .map(([, [, text = ""]]) => JSON.parse(text) as AdminEvent)
        .filter((each): each is BudgetThresholdReached => each.kind === "budget_threshold_reached")
        .find(({ budgetId }) => budgetId === budget.id);
    });
    expect(event).toMatchObject({
      budget: name,
      threshold: 50,
      amountUsdMicros: "1500000",
      spentUsdMicros: "750000",
    });
    const path = `/v1/budgets/${budget.id}/usage?past_periods=1`;
    const { usages } = await admin.ask<{ usages: Usage[] }>("GET", path);
    expect(usages.map(({ spent }) => spent)).toEqual([0.75, 0]);
    await admin.ask("DELETE", `/v1/budgets/${budget.id}`);
    expect(await budgetNamed(name)).toBeUndefined();
  }, 60_000);

  it("is refused with the field when it is for nobody, or has no amount", async () => {
    const wrong = {
      name: unique("budget"),
      scope_type: "team",
      scope_id: stack.orgId,
      amount: 1,
      period: "daily",
    };
    for (const [body, field] of [
      [wrong, "scope_id"],
      [{ ...wrong, scope_type: "org" }, "scope_id"],
      [{ ...wrong, scope_type: "project" }, "scope_type"],
      [{ ...wrong, amount: 0 }, "amount"],
      [{ ...wrong, alert_thresholds: [0] }, "alert_thresholds[0]"],
    ] as const) {
      const answer = await admin.try("POST", "/v1/budgets", body);
      expect(answer.status).toBe(400);
      expect(answer.json).toMatchObject({ error: { details: [{ field }] } });
    }
  });

  it("is managed on the command line", async () => {
    const permissions = ["budgets:*", "servers:read", "orgs:*"];
    const { secret } = await makeKey(admin, { permissions });
    const gwo = async (...args: string[]): Promise<string> => {
      const all = [gwoProgram(), "budgets", ...args, "--url", stack.gatewayUrl, "--key", secret];
      return (await promisify(execFile)(process.execPath, all)).stdout;
    };
    const name = unique("cli");
    expect(await gwo("create", name, "2.50", "--for", "server:everything")).toContain("observed");
    const listed = JSON.parse(await gwo("list", "--json")) as { budget: { name: string } }[];
    expect(listed.map(({ budget }) => budget.name)).toContain(name);
    await gwo("update", name, "--amount", "3", "--enforce", "--thresholds", "90");
    expect((await budgetNamed(name))?.budget).toMatchObject({
      amount: 3,
      enforce_limit: true,
      alert_thresholds: [90],
    });
    expect(await gwo("usage", name, "--past", "1")).toContain("REACHED");
    expect((await gwo("time-zone")).trim()).toBe("UTC");
    await gwo("delete", name);
    expect(await budgetNamed(name)).toBeUndefined();
  }, 60_000);

  it("is made, changed and deleted in the console, by keyboard alone where one likes", async () => {
    const page = await asAdmin(browser, stack, admin);
    await page.goto("/budgets");
    const name = unique("console");
    await page.getByTestId("budget-create").focus();
    await page.keyboard.press("Enter");
    // The dialogue opens before it takes the focus.
    await page.locator('[data-testid="budget-name"]:focus').waitFor();
    await page.keyboard.type(name);
    await page.keyboard.press("Tab");
    await page.keyboard.type("12,50");
    await page.keyboard.press("Enter");
    await page.getByText("like 250 or 12.50").waitFor();
    await page.getByTestId("budget-amount").fill("1,250.5");
    await page.keyboard.press("Enter");
    const row = page.getByTestId("budget-row").filter({ hasText: name });
    await row.waitFor();
    expect(await row.innerText()).toMatch(/Observed[^]*of \$1,250\.50/);
    await row.getByTestId("budget-edit").click();
    await page.getByTestId("budget-enforce").locator("input").check();
    await page.getByTestId("budget-allow").locator("input").check();
    await page.getByTestId("budget-submit").click();
    await row.getByTestId("budget-mode").getByText("Enforced").waitFor();
    await row.getByText("while undecidable").waitFor();
    expect((await budgetNamed(name))?.budget).toMatchObject({
      enforce_limit: true,
      on_unavailable: "allow",
      amount: 1250.5,
    });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.screenshot({ path: join(PICTURES, `budgets-${colorScheme}.png`) });
    }
    await row.getByTestId("budget-delete").click();
    await page.getByTestId("budget-delete-confirm").click();
    await row.waitFor({ state: "detached" });
    await page.context().close();
  }, 60_000);
});
