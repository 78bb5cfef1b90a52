import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { hexOf } from "@gatewayops/platform/ids";
import {
  RuleOwner,
  Stage,
  StageOutcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { startOwnRedis, until, type OwnRedis } from "./engine-redis.ts";
import {
  answerResult,
  SERVER,
  startBench,
  toolCall,
  type Bench,
  type BenchOptions,
  type UpstreamHandler,
} from "./worker-bench.ts";

let engine: OwnRedis;
let bench: Bench;

beforeAll(async () => {
  engine = await startOwnRedis();
}, 120_000);

afterAll(() => engine.stop());

afterEach(() => bench.close());

async function start(options: Omit<BenchOptions, "redisUrl"> = {}): Promise<void> {
  bench = await startBench({ redisUrl: engine.url, ...options });
}

const AGENT_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const AGENT_SPAN = "00f067aa0ba902b7";
const AGENT = `00-${AGENT_TRACE}-${AGENT_SPAN}-01`;
const OTHER = `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`;

/** The spans of the records, from the first call to begin on. */
async function spans(count: number): Promise<{ trace: string; span: string; parent: string }[]> {
  await until("all calls are recorded", () => bench.records().length === count);
  const began = (record: CallCompletion): number => Number(record.intent?.startTimeUs);
  return bench
    .records()
    .sort((a, b) => began(a) - began(b))
    .map(({ intent }) => ({
      trace: hexOf(intent?.traceId ?? new Uint8Array()),
      span: hexOf(intent?.spanId ?? new Uint8Array()),
      parent: hexOf(intent?.parentSpanId ?? new Uint8Array()),
    }));
}

/** A server whose tool calls itself through the gateway as often as it is told, passing its context on in a way. */
function calling(pass: (traceparent: string, call: object) => Promise<Response>): UpstreamHandler {
  return (message, response, request) => {
    const { depth = 0 } = (message.params?.["arguments"] ?? {}) as { depth?: number };
    const answer = (): void => {
      answerResult(message, response, request);
    };
    if (depth === 0) answer();
    else
      void pass(String(request.headers["traceparent"]), toolCall(depth, { depth: depth - 1 }))
        .then((inner) => inner.text())
        .then(answer);
  };
}

const withMeta = (call: object, traceparent: string): object => {
  const { params, ...rest } = call as { params: object };
  return { ...rest, params: { ...params, _meta: { traceparent } } };
};

describe("calls that a tool makes through the gateway", () => {
  const byHeader = (traceparent: string, call: object) =>
    bench.post(call, { headers: { traceparent } });
  const byMeta = (traceparent: string, call: object) => bench.post(withMeta(call, traceparent));
  const byBoth = (traceparent: string, call: object) =>
    bench.post(withMeta(call, traceparent), { headers: { traceparent: OTHER } });

  it.each([
    ["a header", byHeader],
    ["_meta", byMeta],
    ["_meta, which wins over the header", byBoth],
  ])(
    "are children of the call they were made in: the context is passed on in %s",
    async (_, pass) => {
      await start({ upstream: calling(pass) });
      await (
        await bench.post(toolCall(9, { depth: 2 }), { headers: { traceparent: AGENT } })
      ).text();
      const [outer, middle, inner] = await spans(3);
      expect(outer).toMatchObject({ trace: AGENT_TRACE, parent: AGENT_SPAN });
      expect(middle).toMatchObject({ trace: AGENT_TRACE, parent: outer?.span });
      expect(inner).toMatchObject({ trace: AGENT_TRACE, parent: middle?.span });
      expect(new Set([AGENT_SPAN, outer?.span, middle?.span, inner?.span]).size).toBe(4);
    },
  );

  it("belong to a trace of our own where the agent names none", async () => {
    await start({ upstream: calling(byHeader) });
    const body = { tool: "echo", arguments: { depth: 1 } };
    await (await bench.post(body, { path: `/v1/mcp/${SERVER}/tools/call` })).text();
    const [outer, inner] = await spans(2);
    expect(outer?.trace).toMatch(/^[0-9a-f]{32}$/);
    expect(outer?.parent).toBe("");
    expect(inner).toMatchObject({ trace: outer?.trace, parent: outer?.span });
  });
});

describe("the stages of a record", () => {
  it("say that the intent was written before the server was called", async () => {
    await start({ priceUsdMicros: 5n });
    await (await bench.post(toolCall())).text();
    await until("the call is recorded", () => bench.records().length === 1);
    const stages = bench.records()[0]?.stages ?? [];
    expect(stages.slice(-4).map(({ stage, outcome }) => [stage, outcome])).toEqual([
      [Stage.PRICE, StageOutcome.PASSED],
      [Stage.BUDGET, StageOutcome.NOT_CONFIGURED],
      [Stage.LOG, StageOutcome.PASSED],
      [Stage.UPSTREAM, StageOutcome.PASSED],
    ]);
  });

  it("say whose limit refused", async () => {
    await start({ scopes: { rateRps: 1, rateBurst: 1 } });
    for (let i = 0; i < 5; i += 1) await (await bench.post(toolCall(i))).text();
    await until("all calls are recorded", () => bench.records().length === 5);
    const limits = bench
      .records()
      .flatMap(({ stages }) => stages.filter(({ stage }) => stage === Stage.RATE_LIMIT));
    const refused = limits.filter(({ outcome }) => outcome === StageOutcome.REFUSED);
    expect(refused.length).toBeGreaterThan(0);
    expect(limits.every(({ ruleOwner }) => ruleOwner === RuleOwner.KEY)).toBe(true);
  });
});
