import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { PriceRuleSchema } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import {
  Operation,
  Outcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { GatewayService } from "@gatewayops/proto/gatewayops/gateway/v1/gateway_service_pb";
import { uuidToText } from "@gatewayops/platform/ids";
import { publishInvalidation } from "@gatewayops/platform/invalidation";
import { Redis } from "ioredis";
import { textResult } from "./conformance/fixtures/content.ts";
import { startLegacyServer } from "./conformance/fixtures/legacy-server.ts";
import type { LoopbackServer } from "./conformance/fixtures/loopback.ts";
import { startModernServer } from "./conformance/fixtures/modern-server.ts";
import type { PlainTool } from "./conformance/fixtures/tools.ts";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import { grpcJsClient } from "./grpc-js-client.ts";
import { connectV2 } from "./sdk-clients.ts";
import {
  ORG_ID,
  SERVER,
  startBench,
  toolCall,
  type Bench,
  type BenchOptions,
  type UpstreamHandler,
} from "./worker-bench.ts";

type Rule = MessageInitShape<typeof PriceRuleSchema>;

const ERAS = ["legacy", "modern"] as const;
const OLD = "0199a000-0000-7000-8000-0000000000a1";
const NEW = "0199a000-0000-7000-8000-0000000000a2";
const EVERYTHING = { id: OLD, server: "*", tool: "*", operation: "tools/call" };

/** Says what each call costs: 4200 µ$. */
const PAID: PlainTool = {
  name: "paid",
  description: "Says what it costs.",
  inputSchema: { type: "object" },
  call: () =>
    Promise.resolve({ ...textResult("paid"), _meta: { "io.gatewayops/cost": { usd: "0.0042" } } }),
};

let engine: OwnRedis;
const servers: Partial<Record<(typeof ERAS)[number], LoopbackServer>> = {};
let bench: Bench | undefined;
/** What is done when a test has ended, the last first. */
let closings: (() => unknown)[];

beforeAll(async () => {
  engine = await startOwnRedis();
  servers.legacy = await startLegacyServer({ plainTools: [PAID] });
  servers.modern = await startModernServer({ plainTools: [PAID] });
}, 120_000);

afterAll(async () => {
  await servers.legacy?.close();
  await servers.modern?.close();
  await engine.stop();
});

beforeEach(() => {
  closings = [];
});

afterEach(async () => {
  for (const close of closings.reverse()) await close();
  await bench?.close();
  bench = undefined;
});

async function start(
  prices: () => Rule[],
  options: Omit<BenchOptions, "redisUrl" | "prices"> = {},
): Promise<Bench> {
  bench = await startBench({ redisUrl: engine.url, prices, ...options });
  return bench;
}

/** The record of the one call that was made. */
async function onlyRecord({ records }: Bench): Promise<CallCompletion> {
  await until("the call is recorded", () => records().length > 0);
  expect(records()).toHaveLength(1);
  return records()[0]!;
}

/** Text of so many bytes: what stands before and after, and letters in between. */
function padded(before: string, after: string, bytes: number): string {
  return before + "x".repeat(bytes - before.length - after.length) + after;
}

const REQUEST = padded(
  '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"a":"',
  '"}}}',
  2_048,
);
const ANSWER_START = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"';
const ANSWER = padded(ANSWER_START, '"}]}}', 10_000);

/** Answers with a JSON document in several pieces. */
function answering(json: string, pieces = 3): UpstreamHandler {
  return (_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    const size = Math.ceil(json.length / pieces);
    for (let at = 0; at < json.length; at += size) response.write(json.slice(at, at + size));
    response.end();
  };
}

/** An answer whose `_meta` reports a cost. */
function reporting(cost: string): string {
  return `{"jsonrpc":"2.0","id":1,"result":{"content":[],"_meta":{"io.gatewayops/cost":${cost}}}}`;
}

const BY_SIZE: Rule = {
  ...EVERYTHING,
  perCallUsdMicros: 250n,
  perKbInUsdMicros: 10n,
  perKbOutUsdMicros: 20n,
  per1kInputTokensUsdMicros: 3_000n,
  per1kOutputTokensUsdMicros: 15_000n,
  maxPerCallUsdMicros: 50_000n,
};

describe("a call of a price by size", () => {
  // 2048 bytes are 2 KB and 512 tokens; 10,000 bytes are 9.765625 KB and 2500 tokens.
  // 250 + 2 · 10 + 9.765625 · 20 + 0.512 · 3000 + 2.5 · 15,000 = 39,501.3125.
  it("is recorded with its exact cost, and reserves the maximum", async () => {
    const running = await start(() => [BY_SIZE], { upstream: answering(ANSWER) });
    expect(await (await running.post(REQUEST)).text()).toBe(ANSWER);
    expect(await onlyRecord(running)).toMatchObject({
      outcome: Outcome.OK,
      costUsdMicros: 39_501n,
      responseBytes: 10_000n,
      inputTokens: 512,
      outputTokens: 2_500,
      intent: { requestBytes: 2_048, reservedUsdMicros: 50_000n },
    });
    expect(await running.metrics()).toMatch(/^gateway_cost_total\{.*\} 0\.039501$/m);
  });

  it("costs the maximum when it would cost more", async () => {
    const running = await start(() => [{ ...(BY_SIZE as object), maxPerCallUsdMicros: 39_500n }], {
      upstream: answering(ANSWER),
    });
    await (await running.post(REQUEST)).text();
    expect((await onlyRecord(running)).costUsdMicros).toBe(39_500n);
  });

  it("costs the same when it is answered by an event", async () => {
    // "data: ", the answer and two line feeds are 10,000 bytes again.
    const event = `data: ${padded(ANSWER_START, '"}]}}', 9_992)}\n\n`;
    const running = await start(() => [BY_SIZE], {
      upstream: (_, response) =>
        response.writeHead(200, { "content-type": "text/event-stream" }).end(event),
    });
    expect(await (await running.post(REQUEST)).text()).toBe(event);
    expect((await onlyRecord(running)).costUsdMicros).toBe(39_501n);
  });

  it("costs nothing when it fails", async () => {
    const error = '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}';
    const running = await start(() => [BY_SIZE], { upstream: answering(error) });
    await (await running.post(REQUEST)).text();
    const record = await onlyRecord(running);
    expect(record).toMatchObject({ outcome: Outcome.RPC_ERROR, costUsdMicros: 0n });
    expect(record.intent?.reservedUsdMicros).toBe(50_000n);
  });
});

/** A millionth of a dollar for each byte and each microsecond, so that the record's figures are the cost. */
const PLAIN_SUM: Rule = {
  ...EVERYTHING,
  perKbInUsdMicros: 1_024n,
  perKbOutUsdMicros: 1_024n,
  perSecondUsdMicros: 1_000_000n,
  maxPerCallUsdMicros: 1_000_000_000n,
};

describe.each(ERAS)("a call of a %s server by size and time", (era) => {
  it("costs what its record says it used, on the REST façade", async () => {
    const running = await start(() => [PLAIN_SUM], { upstreamUrl: servers[era]!.url });
    const response = await running.post(
      { tool: "paid", arguments: {} },
      { path: `/v1/mcp/${SERVER}/tools/call` },
    );
    const { metadata } = (await response.json()) as { metadata: { cost: number } };
    const { costUsdMicros, responseBytes, durationUs, intent } = await onlyRecord(running);
    expect(costUsdMicros).toBe(BigInt(intent?.requestBytes ?? 0) + responseBytes + durationUs);
    expect(Math.round(metadata.cost * 1e6)).toBe(Number(costUsdMicros));
  });
});

const TRUSTED: Rule = {
  ...EVERYTHING,
  perCallUsdMicros: 7n,
  maxPerCallUsdMicros: 100_000n,
  honourReported: true,
};

describe.each(ERAS)("a price that a %s server reports", (era) => {
  it.each(ERAS)("counts for a %s agent", async (agent) => {
    const running = await start(() => [TRUSTED], { upstreamUrl: servers[era]!.url });
    await running.connected();
    const connect = connectV2(agent === "legacy" ? undefined : { pin: "2026-07-28" });
    const client = await connect(new URL(`${running.url}/v1/mcp/${SERVER}`), running.key);
    closings.push(() => client.close());
    expect(await client.call("paid")).toBe("paid");
    expect((await onlyRecord(running)).costUsdMicros).toBe(4_200n);
  });

  it("counts over REST and gRPC", async () => {
    const running = await start(() => [TRUSTED], { upstreamUrl: servers[era]!.url });
    await (await running.post({ tool: "paid" }, { path: `/v1/mcp/${SERVER}/tools/call` })).text();
    expect((await onlyRecord(running)).costUsdMicros).toBe(4_200n);
    const client = grpcJsClient(GatewayService, running.grpcAddress);
    closings.push(() => {
      client.close();
    });
    const call = { server: SERVER, name: "paid" };
    const metadata = { authorization: `Bearer ${running.key}` };
    await client.stream("CallTool", call, { metadata }).toArray();
    await until("it is recorded", () => running.records().length === 2);
    expect(running.records()[1]?.costUsdMicros).toBe(4_200n);
  });

  it("is no price where the rule does not honour it", async () => {
    const rule = { ...(TRUSTED as object), honourReported: false };
    const running = await start(() => [rule], { upstreamUrl: servers[era]!.url });
    await (await running.post({ tool: "paid" }, { path: `/v1/mcp/${SERVER}/tools/call` })).text();
    expect((await onlyRecord(running)).costUsdMicros).toBe(7n);
  });
});

describe("a reported price", () => {
  const usd = (amount: string): string => `{"usd":${JSON.stringify(amount)}}`;

  it.each([
    ["used", "one below the maximum", usd("0.0042"), 4_200n],
    ["capped", "one above the maximum", usd("0.100001"), 100_000n],
    ["invalid", "a number", '{"usd":0.0042}', 7n],
    ["invalid", "a negative one", usd("-1"), 7n],
    ["invalid", "a huge one", usd("1".repeat(9_000)), 7n],
    ["invalid", "two", `${usd("0.1")},"io.gatewayops/cost":${usd("0.2")}`, 7n],
    ["invalid", "one in a _meta of a megabyte", `${usd("1")},"a":"${"x".repeat(1 << 20)}"`, 7n],
  ])("is %s: %s", async (result, _, cost, micros) => {
    const json = reporting(cost);
    const running = await start(() => [TRUSTED], { upstream: answering(json, 7) });
    expect(await (await running.post(toolCall())).text()).toBe(json);
    expect((await onlyRecord(running)).costUsdMicros).toBe(micros);
    expect(await running.metrics()).toContain(`gateway_reported_costs_total{result="${result}"} 1`);
  });

  it("is found in a stream, behind other messages, in pieces", async () => {
    const [first, second] = [
      reporting(usd("0.0042")).slice(0, 80),
      reporting(usd("0.0042")).slice(80),
    ];
    const progress = { jsonrpc: "2.0", method: "notifications/progress", params: { progress: 1 } };
    const running = await start(() => [TRUSTED], {
      upstream: (_, response) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(
          `data: ${JSON.stringify({ ...progress, result: undefined })}\n\ndata: ${first}`,
        );
        setImmediate(() => response.end(`${second}\n\n`));
      },
    });
    await (await running.post(toolCall())).text();
    expect((await onlyRecord(running)).costUsdMicros).toBe(4_200n);
  });
});

describe("prices of operations", () => {
  it("are those of the rule that names it; tools' names are no others'", async () => {
    const read = { ...EVERYTHING, id: NEW, operation: "resources/read", perCallUsdMicros: 3n };
    const named = { ...EVERYTHING, tool: "test://static-text", perCallUsdMicros: 9n };
    const running = await start(() => [named, read], { upstreamUrl: servers.legacy!.url });
    const calls: [string, object, bigint, Operation][] = [
      ["resources/read", { uri: "test://static-text" }, 3n, Operation.RESOURCES_READ],
      ["prompts/get", { name: "test_simple_prompt" }, 0n, Operation.PROMPTS_GET],
      ["tools/call", { tool: "paid" }, 0n, Operation.TOOLS_CALL],
    ];
    for (const [method, body, costUsdMicros, operation] of calls) {
      const before = running.records().length;
      await (await running.post(body, { path: `/v1/mcp/${SERVER}/${method}` })).text();
      await until("it is recorded", () => running.records().length > before);
      expect(running.records().at(-1)).toMatchObject({
        outcome: Outcome.OK,
        costUsdMicros,
        intent: { operation },
      });
    }
  });
});

describe("a price that changes", () => {
  it("does not change for a call under way", async () => {
    const redis = new Redis(engine.url);
    closings.push(() => {
      redis.disconnect();
    });
    let rules: Rule[] = [{ ...EVERYTHING, perCallUsdMicros: 10n }];
    const held: (() => void)[] = [];
    const running = await start(() => rules, {
      upstream: (message, response, request) => {
        const answer = (): void =>
          answering(ANSWER.replace('"id":1', `"id":${message.id as number}`))(
            message,
            response,
            request,
          );
        if (message.id === 1) held.push(answer);
        else answer();
      },
    });
    await running.connected();
    const first = running.post(toolCall(1));
    await until("the first call is under way", () => held.length === 1);
    rules = [{ ...(BY_SIZE as object), id: NEW }];
    await publishInvalidation(redis, { kind: "prices", orgId: ORG_ID });
    const newest = (): string => ruleOf(running.records().at(-1));
    await until("calls have the new price", async () => {
      const before = running.records().length;
      await (await running.post(toolCall(2))).text();
      await until("it is recorded", () => running.records().length > before);
      return newest() === NEW;
    });
    held[0]?.();
    await (await first).text();
    await until("the first call is recorded", () => newest() === OLD);
    expect(running.records().at(-1)?.costUsdMicros).toBe(10n);
  });

  it("changes at its time, of which the gateway is not told again", async () => {
    let reads = 0;
    let changeMs = 0;
    let answeredMs = 0;
    const running = await start(() => {
      reads++;
      changeMs = Date.now() + 1_000;
      const time = timestampFromMs(changeMs);
      return [
        { ...EVERYTHING, perCallUsdMicros: 10n, endTime: time },
        { ...EVERYTHING, id: NEW, perCallUsdMicros: 20n, effectiveTime: time },
      ];
    });
    await until("calls have the new price", async () => {
      const before = running.records().length;
      await (await running.post(toolCall())).text();
      answeredMs = Date.now();
      await until("it is recorded", () => running.records().length > before);
      return ruleOf(running.records().at(-1)) === NEW;
    });
    expect(reads).toBe(1);
    const priced = running.records().map((record) => [ruleOf(record), record.costUsdMicros]);
    const changed = priced.findIndex(([id]) => id === NEW);
    expect(changed).toBeGreaterThan(0);
    expect(priced.slice(0, changed)).toEqual(Array(changed).fill([OLD, 10n]));
    expect(priced.slice(changed)).toEqual([[NEW, 20n]]);
    // Not before its time.
    expect(answeredMs).toBeGreaterThanOrEqual(changeMs);
  });
});

function ruleOf(record: CallCompletion | undefined): string {
  return uuidToText(record?.priceRuleId ?? new Uint8Array());
}
