import { status, type ServiceError } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import {
  BudgetPeriod,
  BudgetPosture,
  BudgetScope,
  type Budget,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import {
  Outcome,
  Stage,
  StageOutcome,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { buildBudgetState, readBudgetState } from "@gatewayops/platform/budgets/budget-state";
import { writeSpent } from "@gatewayops/platform/budgets/spent-figures";
import { REASONS } from "@gatewayops/platform/errors";
import { Redis } from "ioredis";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { grpcJsClient } from "./grpc-js-client.ts";
import {
  ORG_ID,
  SERVER,
  startBench,
  toolCall,
  type Bench,
  type BenchOptions,
} from "./worker-bench.ts";

let engine: OwnRedis;
let redis: Redis;
let bench: Bench | undefined;

const PRICE = 400n;
const BUDGET_ID = "0199a000-0000-7000-8000-0000000000b1";
const DAY_MS = 86_400_000;

beforeAll(async () => {
  engine = await startOwnRedis();
  redis = new Redis(engine.url);
  redis.on("error", () => undefined);
}, 120_000);

afterAll(async () => {
  redis.disconnect();
  await engine.stop();
});

afterEach(async () => {
  await bench?.close();
  bench = undefined;
  await redis.flushall();
});

const budget = {
  ...{ id: BUDGET_ID, name: "Everything", scopeType: BudgetScope.ORG },
  ...{ amountUsdMicros: 1_000n, period: BudgetPeriod.DAILY, enforceLimit: true },
};

/** A worker whose calls cost 400 micro-USD each, before a budget of 1000 a day. */
async function start(
  settings: Partial<Omit<Budget, "$typeName" | "$unknown">> = {},
  options: Partial<BenchOptions> = {},
): Promise<Bench> {
  bench = await startBench({
    redisUrl: engine.url,
    priceUsdMicros: PRICE,
    budgets: [{ ...budget, ...settings }],
    ...options,
  });
  await bench.connected();
  return bench;
}

/** Does what svc-cost does: the state of today's period, of which so much is spent. */
async function build(spent: bigint): Promise<void> {
  const startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const key = { orgId: ORG_ID, budgetId: BUDGET_ID, startMs };
  const { runId } = await readBudgetState(redis, key);
  const part = { base: spent, earlier: new Map<string, bigint>() };
  expect(await buildBudgetState(redis, key, { runId, part, keepMs: DAY_MS })).toBe(true);
}

const MODERN = {
  "mcp-protocol-version": "2026-07-28",
  "mcp-method": "tools/call",
  "mcp-name": "echo",
};

function callModern(id = 1): Promise<Response> {
  const _meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
  };
  const params = { name: "echo", arguments: {}, _meta };
  return bench!.post({ jsonrpc: "2.0", id, method: "tools/call", params }, { headers: MODERN });
}

/** What the records say of the budget's stage, in order. */
const budgetStages = (): StageOutcome[] =>
  bench!.records().map(({ stages }) => stages.find(({ stage }) => stage === Stage.BUDGET)!.outcome);

describe("an enforced budget", () => {
  it("lets calls pass that fit, and refuses the first that does not, before the server is called", async () => {
    const { received, records } = await start();
    await build(0n);
    const answers: { result: Record<string, unknown> }[] = [];
    for (let n = 1; n <= 3; n++) answers.push((await (await callModern(n)).json()) as never);
    // 400 and 400 fit into 1000, a third does not.
    expect(answers.map(({ result }) => result["isError"] === true)).toEqual([false, false, true]);
    expect(received.filter(({ body }) => body.includes("tools/call"))).toHaveLength(2);
    const [, , refused] = records();
    expect(refused).toMatchObject({
      outcome: Outcome.REFUSED,
      reason: REASONS.BUDGET_EXCEEDED.number,
      costUsdMicros: 0n,
    });
    expect(Buffer.from(refused!.budgetId).toString("hex")).toBe(BUDGET_ID.replaceAll("-", ""));
    expect(budgetStages()).toEqual([
      ...[StageOutcome.PASSED, StageOutcome.PASSED, StageOutcome.REFUSED],
    ]);
  });

  it("tells a model which budget, how much is left and until when, in a result of the tool", async () => {
    await start();
    await build(900n);
    const response = await callModern(7);
    expect(response.status).toBe(200);
    const midnight = new Date(Math.ceil(Date.now() / DAY_MS) * DAY_MS).toISOString();
    expect(await response.json()).toEqual({
      jsonrpc: "2.0",
      id: 7,
      result: {
        resultType: "complete",
        isError: true,
        content: [
          {
            type: "text",
            text:
              `The daily budget "Everything" of 0.001 USD has 0.0001 USD left until ${midnight}, and this call may cost ` +
              "0.0004 USD. Do not try again before that: ask who keeps the budget.",
          },
        ],
        _meta: {
          "io.gatewayops/refusal": {
            reason: "BUDGET_EXCEEDED",
            request_id: response.headers.get("x-request-id"),
          },
        },
      },
    });
    const legacy = (await (await bench!.post(toolCall(8))).json()) as { result: object };
    expect(legacy.result).toMatchObject({ isError: true });
    expect(legacy.result).not.toHaveProperty("resultType");
  });

  it("is the error of the face on REST and gRPC", async () => {
    await start();
    await build(1_000n);
    const rest = await bench!.post(
      { tool: "echo", arguments: {} },
      { path: `/v1/mcp/${SERVER}/tools/call` },
    );
    expect(rest.status).toBe(403);
    expect(await rest.json()).toMatchObject({ error: { code: "forbidden" } });
    const client = grpcJsClient(GatewayService, bench!.grpcAddress);
    const error = await new Promise<ServiceError>((resolve) => {
      client
        .stream(
          "CallTool",
          { server: SERVER, name: "echo" },
          { metadata: { authorization: `Bearer ${bench!.key}` } },
        )
        .on("error", resolve)
        .resume();
    });
    client.close();
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  });

  it("gives back what a call did not cost", async () => {
    // The server answers with an error of JSON-RPC, which is not charged.
    await start(
      {},
      {
        upstream: ({ id }, response) => {
          response.writeHead(200, { "content-type": "application/json" });
          response.end(
            JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32_603, message: "no" } }),
          );
        },
      },
    );
    await build(0n);
    for (let n = 0; n < 5; n++) await (await bench!.post(toolCall(n))).text();
    expect(budgetStages()).toEqual(Array<StageOutcome>(5).fill(StageOutcome.PASSED));
  });

  it("waits for a budget that is being built", async () => {
    await start();
    const call = callModern();
    const startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    const key = { orgId: ORG_ID, budgetId: BUDGET_ID, startMs };
    await until("the worker has reported", async () => {
      const { countedSince } = await readBudgetState(redis, key);
      return countedSince.size === 1;
    });
    await build(0n);
    expect(await (await call).json()).not.toHaveProperty("result.isError");
  });

  it("refuses when that does not end, or lets pass where the budget says so, and the record says that", async () => {
    await start({ onUnavailable: BudgetPosture.ALLOW });
    expect(await (await callModern()).json()).not.toHaveProperty("result.isError");
    expect(budgetStages()).toEqual([StageOutcome.DEGRADED]);
    await bench!.close();
    await start();
    expect(await (await callModern()).json()).toMatchObject({
      result: {
        isError: true,
        _meta: { "io.gatewayops/refusal": { reason: "BUDGET_UNAVAILABLE" } },
      },
    });
    expect(budgetStages()).toEqual([StageOutcome.REFUSED]);
  }, 20_000);

  it("of another team, person, key or server holds nobody else up", async () => {
    await start({ scopeType: BudgetScope.SERVER, scopeId: "0199a000-0000-7000-8000-0000000000ff" });
    await (await callModern()).text();
    expect(budgetStages()).toEqual([StageOutcome.NOT_CONFIGURED]);
  });
});

describe("an observed budget", () => {
  it("refuses nothing, and the record names it when it would have", async () => {
    await start({ enforceLimit: false });
    const startMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;
    await (await callModern(1)).text();
    await writeSpent(redis, ORG_ID, new Map([[BUDGET_ID, { startMs, usdMicros: 601n }]]));
    await until("the worker knows what is spent", async () => {
      await (await callModern(2)).text();
      return budgetStages().at(-1) === StageOutcome.OBSERVED;
    });
    const records = bench!.records();
    expect(budgetStages()[0]).toBe(StageOutcome.PASSED);
    expect(records.at(-1)).toMatchObject({ outcome: Outcome.OK });
    expect(Buffer.from(records.at(-1)!.budgetId).toString("hex")).toBe(
      BUDGET_ID.replaceAll("-", ""),
    );
  });
});
