import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { asAdmin } from "./console-page.ts";
import { makeKey, makeServer, setPrice, signIn, unique, type Admin } from "./control-plane.ts";
import { callTool, readStack, urlOf, waitFor, type Answer } from "./stack.ts";

const stack = readStack();
/** Kept out of the repository: pictures for people to look at. */
const PICTURES = join(import.meta.dirname, "../../../test-results");
const PICTURED: ReadonlySet<string> = new Set(["dashboard", "servers", "server", "budgets"]);
const CALLS = 7;
const FAILED = 2;

type Totals = { total_cost: number; total_calls: number; total_errors: number };

let browser: Browser;
let admin: Admin;
let key: string;
let server: string;
let traceId: string;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  [browser, admin] = await Promise.all([launchChromium(), signIn(stack)]);
  key = (await makeKey(admin)).secret;
  server = await makeServer(admin, { url: urlOf(stack, "mcp-everything") });
  await setPrice(admin, { server, tool: "*", usd: "0.000421" });
  await admin.ask("POST", "/v1/budgets", {
    name: unique("all"),
    scope_type: "org",
    amount: 0.003,
    period: "monthly",
    enforce_limit: false,
  });
  const answers = await Promise.all(
    Array.from({ length: CALLS }, (_, at) =>
      callTool(stack, key, {
        server,
        tool: at < FAILED ? "no-such-tool" : "echo",
        arguments: { message: "x" },
      }),
    ),
  );
  traceId = answers.at(-1)?.headers.get("x-trace-id") ?? "";
  await waitFor("the calls are in the books", 3_000, async () =>
    (await lineOf(server))?.calls === CALLS ? true : undefined,
  );
}, 60_000);

afterAll(async () => {
  await browser.close();
});

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

async function lineOf(
  name: string,
): Promise<{ calls: number; errors: number; cost: number } | undefined> {
  const { breakdown } = await admin.ask<{
    breakdown: { group: string; calls: number; errors: number; cost: number }[];
  }>("GET", `/v1/costs/by-server?start_date=${today()}&end_date=${today()}`);
  return breakdown.find(({ group }) => group === name);
}

/** What the API says of the last hour, as the dashboard asks for it. */
async function lastHour(): Promise<{ calls: number; errors: number; micros: number }> {
  const endMs = Math.floor(Date.now() / 60_000) * 60_000 + 60_000;
  const query = new URLSearchParams({
    start_time: new Date(endMs - 61 * 60_000).toISOString(),
    end_time: new Date(endMs).toISOString(),
    step_seconds: "60",
  });
  const { points } = await admin.ask<{ points: { calls: number; errors: number; cost: number }[] }>(
    "GET",
    `/v1/costs/series?${query.toString()}`,
  );
  const sum = (of: (point: (typeof points)[number]) => number): number =>
    points.reduce((total, point) => total + of(point), 0);
  return {
    calls: sum(({ calls }) => calls),
    errors: sum(({ errors }) => errors),
    micros: sum(({ cost }) => Math.round(cost * 1e6)),
  };
}

async function valueOf(page: Page, tile: string): Promise<string> {
  return page.getByTestId(tile).locator(".value").innerText();
}

function plainNumber(text: string): number {
  return Number(text.replace(/[^0-9.]/g, ""));
}

describe("signing in", () => {
  it("says that the password is wrong, and not which of the two", async () => {
    const page = await browser.newPage({ baseURL: stack.consoleUrl });
    await page.goto("/");
    await page.getByTestId("sign-in-email").fill(stack.admin.email);
    await page.getByTestId("sign-in-password").fill("not the password");
    await page.getByTestId("sign-in-submit").click();
    const error = page.getByTestId("sign-in-error");
    await error.waitFor();
    expect(await error.innerText()).toMatch(/e-mail.*password|password.*e-mail/i);
    expect(new URL(page.url()).pathname).toBe("/sign-in");
    await page.context().close();
  });

  it("leads to the page that was asked for, and signing out ends the session", async () => {
    const page = await browser.newPage({ baseURL: stack.consoleUrl });
    const complaints = listenForComplaints(page);
    await page.goto("/costs");
    await page.getByTestId("sign-in-email").fill(stack.admin.email);
    await page.getByTestId("sign-in-password").fill(stack.admin.password);
    await page.getByTestId("sign-in-submit").click();
    await page.getByTestId("costs-total").waitFor();
    expect(new URL(page.url()).pathname).toBe("/costs");
    await page.getByTestId("account").click();
    await page.getByTestId("sign-out").click();
    await page.getByTestId("sign-in-form").waitFor();
    await page.goto("/costs");
    await page.getByTestId("sign-in-form").waitFor();
    // Being sent to sign in is an answer of the API, which the browser notes; nothing else may be wrong.
    expect(complaints().filter((text) => !text.includes("401"))).toEqual([]);
    await page.context().close();
  });
});

describe("the console shows what happened", () => {
  let page: Page;
  let complaints: () => string[];

  beforeAll(async () => {
    page = await asAdmin(browser, stack, admin);
    complaints = listenForComplaints(page);
  });

  afterAll(async () => {
    await page.context().close();
  });

  it("on the dashboard: calls, errors and spend are those of the API", async () => {
    const before = await lastHour();
    await page.goto("/?range=1h");
    await page.getByTestId("tile-calls").waitFor();
    const [calls, errors, spend, p95] = [
      plainNumber(await valueOf(page, "tile-calls")),
      plainNumber(await valueOf(page, "tile-errors")),
      Math.round(plainNumber(await valueOf(page, "tile-spend")) * 1e6),
      await valueOf(page, "tile-p95"),
    ];
    expect(before.calls).toBeGreaterThanOrEqual(CALLS);
    expect(before.errors).toBeGreaterThanOrEqual(FAILED);
    expect({ calls, errors, micros: spend }).toEqual(before);
    expect(p95).toMatch(/^[\d.,]+\s?(µs|ms|s)$/);
  });

  it("on the dashboard: new calls at the next refresh", async () => {
    const before = plainNumber(await valueOf(page, "tile-calls"));
    await callTool(stack, key, { server, tool: "echo", arguments: { message: "x" } });
    await waitFor("the call is in the books", 3_000, async () =>
      (await lineOf(server))?.calls === CALLS + 1 ? true : undefined,
    );
    await page.getByRole("button", { name: "Refresh now" }).click();
    await waitFor("the tile shows it", 5_000, async () =>
      plainNumber(await valueOf(page, "tile-calls")) === before + 1 ? true : undefined,
    );
  });

  it("in the list of traces, and each of them as a waterfall", async () => {
    await page.goto(`/traces?range=1h&server=${server}`);
    await page.getByTestId("trace-row").first().waitFor();
    expect(await page.getByTestId("trace-row").count()).toBe(CALLS + 1);
    await page.locator(`[data-testid="trace-row"][data-trace-id="${traceId}"] a`).click();
    await page.getByTestId("span").first().waitFor();
    expect(new URL(page.url()).pathname).toBe(`/traces/${traceId}`);
    const operations = await page.locator('[data-testid="span"] .operation').allInnerTexts();
    expect(operations[0]).toBe("gateway.request");
    expect(operations).toEqual(
      expect.arrayContaining(["gateway.auth", "gateway.rate_limit", "gateway.mcp_proxy"]),
    );
    expect(await page.getByTestId("trace-cost").innerText()).toBe("$0.000421");
    await page.getByTestId("span").nth(1).click();
    await page.getByTestId("span-detail").waitFor();
  });

  it("in the table of costs: total and lines are those of the API", async () => {
    await page.goto(`/costs?by=server&from=${today()}&to=${today()}`);
    await page.getByTestId("cost-row").first().waitFor();
    const { summary } = await admin.ask<{ summary: Totals }>(
      "GET",
      `/v1/costs/summary?start_date=${today()}&end_date=${today()}`,
    );
    expect(plainNumber(await page.getByTestId("costs-total").innerText())).toBe(summary.total_cost);
    expect(plainNumber(await page.getByTestId("costs-calls").innerText())).toBe(
      summary.total_calls,
    );
    const line = page.locator(`[data-testid="cost-row"][data-group="${server}"]`);
    const [group, calls = "", errors = "", , cost = ""] = await line.locator("td").allInnerTexts();
    // Eight calls at 421 micro-USD: a tool that fails has run, and is charged.
    expect([group, plainNumber(calls), plainNumber(errors), plainNumber(cost)]).toEqual([
      server,
      CALLS + 1,
      FAILED,
      0.003368,
    ]);
  });

  it("without an error on its console, and without a request to anywhere else", () => {
    expect(complaints()).toEqual([]);
  });
});

describe("an API key made in the console", () => {
  it("shows its secret once, works, and is refused within a second of being revoked", async () => {
    const page = await asAdmin(browser, stack, admin);
    const name = unique("console key");
    await page.goto("/keys");
    await page.getByTestId("key-create").click();
    await page.getByTestId("key-name").fill(name);
    await page.getByTestId("key-submit").click();
    const secret = await page.getByTestId("key-secret").innerText({ timeout: 10_000 });
    expect(secret).toMatch(/^gwo_[a-z0-9]{1,16}_[0-9A-Za-z]{49}$/);
    const use = (): Promise<Answer> =>
      callTool(stack, secret, { server: "everything", tool: "echo", arguments: { message: "x" } });
    expect((await use()).status).toBe(200);

    await page.getByTestId("key-done").click();
    const row = page.getByTestId("key-row").filter({ hasText: name });
    await row.waitFor();
    // The browser has forgotten it as well.
    expect(await page.content()).not.toContain(secret);
    await page.reload();
    await row.waitFor();
    expect(await page.content()).not.toContain(secret);

    await row.getByTestId("key-revoke").click();
    const revoked = page.waitForResponse((response) => response.url().endsWith("/RevokeApiKey"));
    await page.getByTestId("key-revoke-confirm").click();
    await revoked;
    const answer = await waitFor("the key is refused", 1_000, async () => {
      const given = await use();
      return given.status === 401 ? given : undefined;
    });
    expect(answer.text).toContain("KEY_REVOKED");
    await waitFor("the list no longer has it among the active", 5_000, async () =>
      (await row.getByTestId("key-revoke").count()) === 0 ? true : undefined,
    );
    await page.context().close();
  }, 45_000);
});

describe("access to tools in the console", () => {
  it("switches a tool off and on, and shows what its definition is", async () => {
    const page = await asAdmin(browser, stack, admin);
    await page.goto("/servers");
    await page.getByRole("link", { name: server, exact: true }).click();
    const row = page
      .getByTestId("tool-row")
      .filter({ has: page.getByText("echo", { exact: true }) });
    await row.waitFor();
    const use = (): Promise<Answer> =>
      callTool(stack, key, { server, tool: "echo", arguments: { message: "x" } });
    const answers = (status: number): Promise<Answer> =>
      waitFor(`calls are answered with ${String(status)}`, 2_000, async () => {
        const given = await use();
        return given.status === status ? given : undefined;
      });
    await row.getByRole("switch").click();
    expect((await answers(403)).text).toContain("TOOL_DISABLED");
    await row.getByRole("switch").click();
    await answers(200);
    await row.getByTestId("tool-history").click();
    expect(await page.locator("pre").innerText()).toContain('"name": "echo"');
    await page.context().close();
  }, 45_000);

  it("narrows a key by patterns, and suspends and resumes it", async () => {
    const page = await asAdmin(browser, stack, admin);
    const name = unique("narrow key");
    await page.goto("/keys");
    await page.getByTestId("key-create").click();
    await page.getByTestId("key-name").fill(name);
    await page.getByTestId("key-patterns").locator("summary").click();
    await page.getByTestId("key-denyTools").fill("echo");
    await page.getByTestId("key-submit").click();
    await page.getByText("Each line is server/name.").waitFor();
    await page.getByTestId("key-denyTools").fill("*/e*o");
    await page.getByTestId("key-submit").click();
    const secret = await page.getByTestId("key-secret").innerText({ timeout: 10_000 });
    const use = async (tool: string): Promise<string> => {
      const answer = await callTool(stack, secret, { server, tool, arguments: { a: 1, b: 2 } });
      return answer.status === 200 ? "ok" : answer.text;
    };
    expect(await use("echo")).toContain("SCOPE_DENIED");
    expect(await use("get-sum")).toBe("ok");
    await page.getByTestId("key-done").click();
    const suspend = page
      .getByTestId("key-row")
      .filter({ hasText: name })
      .getByTestId("key-suspend");
    await suspend.click();
    const turns = (what: string): Promise<true> =>
      waitFor(`the key's calls say ${what}`, 2_000, async () =>
        (await use("get-sum")).includes(what) ? true : undefined,
      );
    await turns("KEY_SUSPENDED");
    await suspend.filter({ hasText: "Resume" }).click();
    await turns("ok");
    await page.context().close();
  }, 45_000);

  it("registers a server and keeps its settings", async () => {
    const page = await asAdmin(browser, stack, admin);
    const name = unique("console").replaceAll(" ", "-");
    await page.goto("/servers");
    await page.getByTestId("server-add").click();
    await page.getByTestId("server-name").fill(name);
    await page.getByTestId("server-url").fill(urlOf(stack, "mcp-everything"));
    await page.getByTestId("server-submit").click();
    // It stays, and says why, when the server could not be added.
    await page.getByTestId("server-submit").waitFor({ state: "detached" });
    await page.getByRole("link", { name, exact: true }).click();
    await page.getByText("No tools known yet").waitFor();
    await page.getByTestId("server-validate").click();
    await page.getByRole("option", { name: "Only observe" }).click();
    await page.getByTestId("add-change").click();
    const change = page.getByTestId("transformation");
    await change.getByLabel("Pointer").fill("limit");
    await change.getByLabel("JSON value").fill("10");
    await page.getByTestId("settings-save").click();
    // What svc-auth finds wrong is said where it was asked.
    await page.getByText("must be a JSON pointer").waitFor();
    await change.getByLabel("Pointer").fill("/limit");
    await page.getByTestId("settings-save").click();
    await page.getByText("Saved.").waitFor();
    const { server: saved } = await admin.ask<{ server: { settings: object } }>(
      "GET",
      `/v1/servers/${name}`,
    );
    expect(saved.settings).toMatchObject({
      validate_arguments: "observe",
      transformations: [{ target: "argument", action: "set", name: "/limit", value: "10" }],
    });
    await page.reload();
    await page.getByTestId("transformation").waitFor();
    await page.context().close();
  }, 45_000);
});

describe("the console is accessible", () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  const pages = (): [string, string, string][] => [
    ["dashboard", "/", '[data-testid="tile-calls"]'],
    ["traces", `/traces?server=${server}`, '[data-testid="trace-row"]'],
    ["trace", `/traces/${traceId}`, '[data-testid="span"]'],
    ["costs", "/costs?by=day", '[data-testid="cost-row"]'],
    ["budgets", "/budgets", '[data-testid="budget-row"]'],
    ["keys", "/keys", '[data-testid="key-row"]'],
    ["servers", "/servers", '[data-testid="server-row"]'],
    ["server", `/servers/${server}`, '[data-testid="tool-row"]'],
  ];

  type Violation = { id: string; nodes: { target: string[]; failureSummary: string }[] };

  /** The rules that the page breaks, each with the places where. */
  async function violationsOf(page: Page, rules?: readonly string[]): Promise<string[]> {
    await page.evaluate(axe);
    const options = JSON.stringify({
      resultTypes: ["violations"],
      ...(rules && { runOnly: rules }),
    });
    const { violations } = await page.evaluate<{ violations: Violation[] }>(`axe.run(${options})`);
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target }) => `${id}: ${target.join(" ")}`),
    );
  }

  it.each([
    ["light", undefined],
    // A theme changes colours and nothing else.
    ["dark", ["color-contrast"]],
  ] as const)(
    "every page has no axe violation in the %s theme",
    async (colorScheme, rules) => {
      const page = await asAdmin(browser, stack, admin);
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      const found: string[] = [];
      for (const [name, path, ready] of pages()) {
        await page.goto(path);
        await page.locator(ready).first().waitFor();
        found.push(...(await violationsOf(page, rules)).map((text) => `${name}: ${text}`));
        if (name === "server") {
          await page.getByTestId("add-change").click();
          await page.getByTestId("tool-history").first().click();
          await page.locator("pre").first().waitFor();
          found.push(...(await violationsOf(page, rules)).map((text) => `history: ${text}`));
        }
        if (PICTURED.has(name))
          await page.screenshot({ path: join(PICTURES, `${name}-${colorScheme}.png`) });
      }
      expect(found).toEqual([]);
      await page.context().close();
    },
    60_000,
  );

  it("so are the page to sign in and the dialogue to make a key", async () => {
    const stranger = await browser.newPage({ baseURL: stack.consoleUrl });
    await stranger.goto("/sign-in");
    await stranger.getByTestId("sign-in-form").waitFor();
    expect(await violationsOf(stranger)).toEqual([]);
    await stranger.context().close();
    const page = await asAdmin(browser, stack, admin);
    await page.emulateMedia({ reducedMotion: "reduce" });
    await page.goto("/keys");
    await page.getByTestId("key-create").click();
    await page.getByTestId("key-form").waitFor();
    await page.getByTestId("key-patterns").locator("summary").click();
    await page.screenshot({ path: join(PICTURES, "key-dialogue.png") });
    expect(await violationsOf(page)).toEqual([]);
    await page.goto("/budgets");
    await page.getByTestId("budget-create").click();
    await page.getByTestId("budget-form").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.context().close();
  }, 30_000);
});

/** Collects what a page complains about: errors, and requests to other origins. */
function listenForComplaints(page: Page): () => string[] {
  const heard: string[] = [];
  page.on("pageerror", (error) => heard.push(`uncaught: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") heard.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== new URL(stack.consoleUrl).origin)
      heard.push(`request to ${origin}`);
  });
  return () => heard;
}
