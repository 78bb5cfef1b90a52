import { createClient } from "@clickhouse/client";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { CostService, GroupBy } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import { TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import type { Browser, Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { makeKey, makeTeam, signIn, type Admin, type MadeKey } from "./control-plane.ts";
import { connectClient, grpcClient } from "./control-plane-clients.ts";
import { asAdmin } from "./console-page.ts";
import { bearer, readStack, send, waitFor } from "./stack.ts";
import { EXPECTED, makeCalls, makePricedServers, type Made, type Servers } from "./workload.ts";

const stack = readStack();
/** Milliseconds after the last answer within which everything is in the books. */
const VISIBLE_MS = 2_000;
/** Milliseconds between looks: looking must not be what slows the books down. */
const POLL_MS = 100;
const LEDGER_USD = "1235.37425";

type Figures = { readonly calls: number; readonly costUsdMicros: number };
type Call = Record<string, unknown> & { readonly request_id: string; readonly api_key_id: string };
type Span = { operation: string; span_id: string; parent_span_id: string; cost: number };

describe("the ledger after 1,000 calls", () => {
  const costs = grpcClient(CostService, stack);
  const traces = grpcClient(TraceService, stack);
  const clickhouse = createClient({ url: stack.clickhouseUrl });
  let admin: Admin;
  let team: { id: string; name: string };
  let key: MadeKey;
  let servers: Servers;
  let made: Made;
  let browser: Browser;
  let page: Page;
  let period: string;
  let day: string;
  let isMonth = true;
  const beganMs = Date.now();
  /** What each way of looking showed when it first was right, or when the two seconds were over. */
  const seen = new Map<string, Figures>();

  beforeAll(async () => {
    admin = await signIn(stack);
    team = await makeTeam(admin);
    key = await makeKey(admin, { teamId: team.id, permissions: ["costs:read", "traces:read"] });
    servers = await makePricedServers(stack, admin);
    browser = await launchChromium();
    page = await asAdmin(browser, stack, admin);
    await page.goto(`${stack.consoleUrl}/costs?by=key`);
    await page.getByTestId("costs-total").waitFor();
    day = today();
    made = await makeCalls(stack, key.secret, servers);
    const lastAnswer = performance.now();
    period = `start_date=${day}&end_date=${today()}`;
    const watch = async (view: string, look: () => Promise<Figures | undefined>): Promise<void> => {
      const dueMs = lastAnswer + VISIBLE_MS;
      const check = async (): Promise<true | undefined> => {
        if (performance.now() > dueMs) return undefined;
        const figures = await look();
        if (figures) seen.set(view, figures);
        return figures?.calls === EXPECTED.calls ? true : undefined;
      };
      // The tests say what was seen when it does not come.
      await waitFor(view, VISIBLE_MS, check, POLL_MS).catch(() => undefined);
    };
    await Promise.all([
      watch("REST", () => keyFigures(ask(`/v1/costs/summary?${period}&group_by=key`))),
      watch("gRPC", grpcFigures),
      watch("Connect", connectFigures),
      watch("console", consoleFigures),
      watch("call records", callRecordFigures),
    ]);
  }, 90_000);

  afterAll(async () => {
    costs.close();
    traces.close();
    await clickhouse.close();
    await browser.close();
  });

  async function ask<T>(path: string): Promise<T> {
    const answer = await send(`${stack.gatewayUrl}${path}`, { headers: bearer(key.secret) });
    if (answer.status !== 200) throw new Error(`${path}: ${String(answer.status)} ${answer.text}`);
    return answer.json as T;
  }

  type Breakdown = { group: string; group_id: string; cost: number; calls: number; errors: number };

  async function keyFigures(
    asked: Promise<{ breakdown: Breakdown[] }>,
  ): Promise<Figures | undefined> {
    const line = (await asked).breakdown.find(({ group_id: id }) => id === key.id);
    return line && { calls: line.calls, costUsdMicros: micros(line.cost) };
  }

  async function grpcFigures(): Promise<Figures | undefined> {
    const request = { start_date: day, end_date: today(), group_by: "GROUP_BY_KEY" };
    const { breakdown } = await costs.call("GetCostSummary", request, key.secret);
    const line = (breakdown as Record<string, string>[]).find(({ group_id: id }) => id === key.id);
    return line && { calls: Number(line["calls"]), costUsdMicros: Number(line["cost_usd_micros"]) };
  }

  async function connectFigures(): Promise<Figures | undefined> {
    const { breakdown } = await connectClient(CostService, stack, key.secret).getCostSummary({
      startDate: day,
      endDate: today(),
      groupBy: GroupBy.KEY,
    });
    const line = breakdown.find(({ groupId }) => groupId === key.id);
    return line && { calls: Number(line.calls), costUsdMicros: Number(line.costUsdMicros) };
  }

  async function consoleFigures(): Promise<Figures | undefined> {
    // Another period that also ends today makes the page ask again.
    await page.getByRole("button", { name: isMonth ? "7 days" : "30 days" }).click();
    isMonth = !isMonth;
    await page.locator('section[aria-label="Total"][aria-busy="false"]').waitFor();
    const row = page.locator(`[data-testid="cost-row"][data-group="${key.name}"]`);
    if ((await row.count()) === 0) return undefined;
    const [, calls = "", , , cost = ""] = await row.locator("td").allInnerTexts();
    return { calls: plainNumber(calls), costUsdMicros: micros(plainNumber(cost)) };
  }

  async function callRecordFigures(): Promise<Figures> {
    const { rows, usd } = await rowsOf("calls");
    return { calls: rows, costUsdMicros: micros(Number(usd)) };
  }

  /** The rows of the key's calls in a table and the sum of their cost, each call once. */
  async function rowsOf(table: "calls" | "cost_events"): Promise<{ rows: number; usd: string }> {
    const result = await clickhouse.query({
      query: `SELECT toUInt32(count()) AS rows, toString(sum(cost)) AS usd FROM ${table} FINAL WHERE key_id = {key:String}`,
      query_params: { key: key.id },
      format: "JSONEachRow",
    });
    const [line] = await result.json<{ rows: number; usd: string }>();
    return line ?? { rows: 0, usd: "0" };
  }

  /** The records of the key's calls, page by page. */
  async function allCalls(): Promise<Call[]> {
    const found: Call[] = [];
    const since = encodeURIComponent(new Date(beganMs).toISOString());
    for (const server of [servers.priced, servers.free]) {
      let cursor = "";
      do {
        const query = `start_time=${since}&mcp_server=${server}&limit=200&cursor=${encodeURIComponent(cursor)}`;
        const given = await ask<{ calls: Call[]; cursor: string }>(`/v1/calls?${query}`);
        found.push(...given.calls);
        cursor = given.cursor;
      } while (cursor !== "");
    }
    return found;
  }

  it.each(["REST", "gRPC", "Connect", "console", "call records"])(
    "shows every call and the right sum within two seconds: %s",
    (view) => {
      expect(seen.get(view)).toEqual({
        calls: EXPECTED.calls,
        costUsdMicros: EXPECTED.costUsdMicros,
      });
    },
  );

  it("holds exactly one row for each call in the ledger and in the call records", async () => {
    const expected = { rows: EXPECTED.calls, usd: LEDGER_USD };
    expect(await rowsOf("cost_events")).toEqual(expected);
    expect(await rowsOf("calls")).toEqual(expected);
  });

  it("knows each call by the request id that the agent got", async () => {
    const calls = await allCalls();
    expect(new Set(made.requestIds).size).toBe(EXPECTED.calls);
    expect(calls.map(({ request_id: id }) => id).sort()).toEqual([...made.requestIds].sort());
    expect(calls.filter(({ api_key_id: id }) => id !== key.id)).toEqual([]);
    expect(calls.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    const faces = Map.groupBy(calls, ({ face }) => face);
    expect([faces.get("rest")?.length, faces.get("mcp_legacy")?.length]).toEqual([800, 200]);
  });

  it("breaks the costs down by server and by team", async () => {
    const byServer = await ask<{ breakdown: Breakdown[] }>(`/v1/costs/by-server?${period}`);
    const lineOf = (name: string): Partial<Breakdown> | undefined =>
      byServer.breakdown.find(({ group }) => group === name);
    expect(lineOf(servers.priced)).toMatchObject({ calls: 950, cost: 1235.37425, errors: 0 });
    expect(lineOf(servers.free)).toMatchObject({ calls: 50, cost: 0, errors: 0 });
    const byTeam = await ask<{ breakdown: Breakdown[] }>(`/v1/costs/by-team?${period}`);
    expect(byTeam.breakdown.find(({ group_id: id }) => id === team.id)).toEqual({
      group: team.name,
      group_id: team.id,
      calls: 1_000,
      cost: 1235.37425,
      errors: 0,
    });
  });

  it("breaks the costs down by tool", async () => {
    const { breakdown } = await ask<{ breakdown: Breakdown[] }>(
      `/v1/costs/summary?${period}&group_by=tool`,
    );
    const ours = breakdown.filter(({ group }) => group.startsWith(`${servers.priced}/`));
    expect(ours.map(({ group, calls, cost }) => [group.split("/")[1], calls, cost])).toEqual([
      ["get-structured-content", 100, 1234.5678],
      ["get-sum", 300, 0.7503],
      ["echo", 400, 0.0548],
      ["get-tiny-image", 150, 0.00135],
    ]);
  });

  it("simulates another price over the calls", async () => {
    const rule = { server: servers.priced, tool: "get-sum", per_call: 0.01 };
    const days = { start_date: day, end_date: today() };
    const sums = { calls: 300, actual_cost: 0.7503, simulated_cost: 3 };
    expect(await admin.ask("POST", "/v1/prices/simulate", { ...rule, ...days })).toEqual({
      period: { start: day, end: today() },
      ...sums,
      capped_calls: 0,
      lines: [{ server: servers.priced, tool: "get-sum", operation: "tools/call", ...sums }],
    });
    const { status, json } = await admin.try("POST", "/v1/prices/simulate", {
      ...{ ...rule, ...days, per_kb_out: 0.001 },
    });
    expect([status, json]).toMatchObject([
      400,
      { error: { details: [{ field: "max_per_call" }] } },
    ]);
  });

  it("adds up the calls of one trace", async () => {
    const cost = await ask<{ total_cost: number; calls: { tool_name: string; cost: number }[] }>(
      `/v1/costs/trace/${made.traceId}`,
    );
    expect(cost.total_cost).toBe(12.348316);
    expect(new Map(cost.calls.map(({ tool_name: tool, cost: usd }) => [tool, usd]))).toEqual(
      new Map([
        ["echo", 0.000137],
        ["get-sum", 0.002501],
        ["get-structured-content", 12.345678],
      ]),
    );
    const { trace } = await ask<{ trace: object }>(`/v1/traces/${made.traceId}`);
    expect(trace).toMatchObject({
      id: made.traceId,
      call_count: 3,
      total_cost: 12.348316,
      status: "success",
      mcp_server: servers.priced,
      team_id: team.id,
    });
  });

  it("keeps a span for each call of a trace and for each of its stages", async () => {
    const { spans } = await ask<{ spans: Span[] }>(`/v1/traces/${made.traceId}/spans`);
    const calls = spans.filter(({ operation }) => operation === "gateway.request");
    expect(calls.map(({ cost }) => cost).sort((a, b) => a - b)).toEqual([
      0.000137, 0.002501, 12.345678,
    ]);
    for (const { span_id: id } of calls) {
      const stages = spans.filter(({ parent_span_id: parent }) => parent === id);
      expect(stages.map(({ operation }) => operation)).toEqual(
        expect.arrayContaining(["gateway.auth", "gateway.rate_limit", "gateway.mcp_proxy"]),
      );
    }
    const known = new Set(spans.map(({ span_id: id }) => id));
    const lost = spans.filter(
      (span) => span.operation !== "gateway.request" && !known.has(span.parent_span_id),
    );
    expect(lost).toEqual([]);
  });

  it("lists the traces of the key: one for each call, but the three that share one", async () => {
    const ids = new Set<string>();
    let cursor = "";
    do {
      const answer = await send(`${stack.gatewayUrl}/v1/traces/search`, {
        headers: bearer(key.secret),
        body: {
          start_time: new Date(beganMs).toISOString(),
          end_time: new Date(Date.now() + 60_000).toISOString(),
          api_key_id: key.id,
          limit: 200,
          cursor,
        },
      });
      const given = answer.json as { traces: { id: string }[]; cursor: string };
      expect(answer.status).toBe(200);
      for (const { id } of given.traces) ids.add(id);
      cursor = given.cursor;
    } while (cursor !== "");
    expect(ids.size).toBe(998);
    expect(ids.has(made.traceId)).toBe(true);
    const { traces: newest } = await ask<{ traces: { id: string }[] }>(
      `/v1/traces?team_id=${team.id}&limit=10&start_time=${encodeURIComponent(new Date(beganMs).toISOString())}` +
        `&end_time=${encodeURIComponent(new Date(Date.now() + 60_000).toISOString())}`,
    );
    expect(newest).toHaveLength(10);
    for (const { id } of newest) expect(ids.has(id)).toBe(true);
  });

  it("tells what happened to a call, the same over REST and gRPC", async () => {
    const requestId = made.requestIds[0] ?? "";
    const { call } = await ask<{ call: Call }>(`/v1/calls/${requestId}`);
    expect(call).toMatchObject({
      request_id: requestId,
      api_key_id: key.id,
      api_key_name: key.name,
      team_id: team.id,
      method: "tools/call",
      outcome: "ok",
      reason: "",
      http_status: 200,
      attempts: 1,
    });
    const stages = call["stages"] as { stage: string; outcome: string }[];
    expect(stages.map(({ stage, outcome }) => `${stage} ${outcome}`)).toEqual([
      ...["authenticate passed", "route passed", "authorize passed", "rate_limit passed"],
      // The definition of the tool is known a moment after its first call.
      expect.stringMatching(/^pin (passed|not_configured)$/),
      "price passed",
      // Another test may have left the organisation an observed budget.
      expect.stringMatching(/^budget (not_configured|passed|observed)$/),
      ...["log passed", "upstream passed"],
    ]);
    const { call: same } = await traces.call("GetCall", { request_id: requestId }, key.secret);
    expect(same).toMatchObject({
      request_id: requestId,
      trace_id: call["trace_id"],
      cost_usd_micros: String(micros(call["cost"] as number)),
      price_rule_id: call["price_rule_id"],
    });
  });
});

/** Dollars that were printed with at most six decimals, as whole micro-USD. */
function micros(usd: number): number {
  return Math.round(usd * 1e6);
}

function plainNumber(text: string): number {
  return Number(text.replace(/[^0-9.]/g, ""));
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}
