import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ClickHouseLogLevel, createClient as createClickHouseClient } from "@clickhouse/client";
import {
  createClient,
  createRouterTransport,
  type Client,
  type Interceptor,
} from "@connectrpc/connect";
import { createClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import {
  hexOf,
  randomBytesPooled,
  requestIdOf,
  toolIdOf,
  toolIdToText,
  uuidToText,
} from "@gatewayops/platform/ids";
import { createLogger } from "@gatewayops/platform/log";
import type { NameResolver } from "@gatewayops/platform/names";
import { callerKey } from "@gatewayops/platform/rpc/caller";
import { connectErrorFrom, failureFromConnect } from "@gatewayops/platform/rpc/errors";
import { makeRecord, type RecordSpec } from "@gatewayops/platform/streams/consumer-testing";
import {
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import {
  Status,
  TraceService,
  type Call,
  type TailTracesResponse,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { createClickHouseRecordStore } from "../src/calls/record-store.clickhouse.ts";
import { createRecorder } from "../src/calls/recorder.ts";
import { traceRoutes } from "../src/service.ts";
import { createClickHouseTraceStore } from "../src/traces/trace-store.clickhouse.ts";
import { createTailHub } from "../src/tail/tail-hub.ts";
import { KEPT_90_DAYS, startStore } from "./engines.ts";

const NOON_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const SERVER = randomBytesPooled(16);
const KEY = randomBytesPooled(16);
const TEAM = randomBytesPooled(16);
const PERIOD = {
  startTime: timestampFromMs(NOON_MS - 60_000),
  endTime: timestampFromMs(NOON_MS + 3_600_000),
};

const log = createLogger({
  service: "test",
  level: "silent",
  format: "json",
  maskSensitive: true,
});
const closing = new AbortController();
let tailed = { streams: 0, skipped: 0 };
let org: Buffer;
const closings: (() => Promise<unknown>)[] = [];
let client: Client<typeof TraceService>;
let record: (records: readonly CallCompletion[]) => Promise<void>;

/** Knows a server, its tool "echo" and a key. Nothing is known when records are stored. */
const names: NameResolver = {
  cached: () => undefined,
  resolve: () =>
    Promise.resolve({
      of: (kind, id) =>
        new Map([
          [`server ${uuidToText(SERVER)}`, "everything"],
          [`tool ${toolIdToText(toolIdOf(SERVER, "echo"))}`, "echo"],
          [`key ${uuidToText(KEY)}`, "demo"],
        ]).get(`${kind} ${id}`),
    }),
};

beforeAll(async () => {
  const store = await startStore();
  const clickhouseClient = createClickHouseClient({
    url: store.clickhouseUrl,
    log: { level: ClickHouseLogLevel.OFF },
  });
  closings.push(
    () => clickhouseClient.close(),
    () => store.stop(),
  );
  const clickhouse = createClickHouse({ client: clickhouseClient, service: "test" });
  const directory = fileURLToPath(new URL("../migrations/clickhouse", import.meta.url));
  await migrateClickHouse({ clickhouse, service: "svc-trace", directory });
  record = createRecorder(
    createClickHouseRecordStore(clickhouse, () => Date.now()),
    () => undefined,
    KEPT_90_DAYS,
  );
  const admit: Interceptor = (next) => async (request) => {
    request.contextValues.set(callerKey, {
      orgId: uuidToText(org),
      orgName: "Test",
      userId: "",
      keyId: "",
      email: "",
      name: "",
      role: "admin",
      permissions: new Set(["*"]),
      expireTime: undefined,
    });
    try {
      return await next(request);
    } catch (error) {
      throw connectErrorFrom(failureFromConnect(error));
    }
  };
  const traceStore = createClickHouseTraceStore(clickhouse);
  const routes = traceRoutes({
    traces: traceStore,
    names,
    tail: createTailHub({
      store: traceStore,
      log,
      signal: closing.signal,
      maxStreams: 3,
      maxStreamsPerOrg: 2,
      observe: (change) => void (tailed = change),
      pollMs: 50,
    }),
    now: () => NOON_MS + 60_000,
  });
  client = createClient(
    TraceService,
    createRouterTransport(routes, { router: { interceptors: [admit] } }),
  );
}, 120_000);

afterAll(async () => {
  closing.abort();
  for (const close of closings) await close();
});

beforeEach(() => {
  org = randomBytesPooled(16);
});

function call(seconds: number, spec: RecordSpec = {}): CallCompletion {
  return makeRecord(BigInt(NOON_MS + seconds * 1000) * 1000n, {
    ...spec,
    intent: {
      orgId: org,
      serverId: SERVER,
      toolId: toolIdOf(SERVER, "echo"),
      keyId: KEY,
      ...spec.intent,
    },
  });
}

const stages = [
  {
    $typeName: "gatewayops.events.v1.StageReport" as const,
    stage: Stage.RATE_LIMIT,
    outcome: StageOutcome.REFUSED,
    durationUs: 40,
    ruleOwner: RuleOwner.TEAM,
  },
];

describe("TraceService", () => {
  it("explains a call by its request id, with names that were not known when it was stored", async () => {
    const refused = call(0, {
      intent: { teamId: TEAM },
      completion: { outcome: Outcome.REFUSED, reason: 60, httpStatus: 429, stages },
    });
    await record([refused]);
    const requestId = requestIdOf(refused.intent?.callId ?? new Uint8Array());
    const { call: found } = await client.getCall({ requestId });
    expect(found).toMatchObject({
      requestId,
      traceId: hexOf(refused.intent?.traceId ?? new Uint8Array()),
      mcpServer: "everything",
      toolName: "echo",
      apiKeyName: "demo",
      status: Status.ERROR,
      outcome: "refused",
      reason: "RATE_LIMITED",
    });
    expect(found?.stages).toMatchObject([
      {
        stage: "rate_limit",
        outcome: "refused",
        durationUs: 40n,
        rule: "team",
        ruleId: uuidToText(TEAM),
        reason: "RATE_LIMITED",
      },
    ]);
    await expect(client.getCall({ requestId: `req_${"0".repeat(32)}` })).rejects.toThrow("No call");
    await expect(client.getCall({ requestId: `req_${"f".repeat(32)}` })).rejects.toThrow("No call");
  });

  it("says which price rule a call was priced by", async () => {
    const rule = randomBytesPooled(16);
    const priced = call(0, {
      completion: {
        priceRuleId: rule,
        costUsdMicros: 5n,
        stages: [
          {
            ...stages[0]!,
            stage: Stage.AUTHENTICATE,
            outcome: StageOutcome.PASSED,
            ruleOwner: RuleOwner.UNSPECIFIED,
          },
          {
            ...stages[0]!,
            stage: Stage.PRICE,
            outcome: StageOutcome.PASSED,
            ruleOwner: RuleOwner.UNSPECIFIED,
          },
        ],
      },
    });
    await record([priced]);
    const requestId = requestIdOf(priced.intent?.callId ?? new Uint8Array());
    const { call: found } = await client.getCall({ requestId });
    expect(found?.stages.map(({ rule: kind, ruleId, reason }) => [kind, ruleId, reason])).toEqual([
      ["", "", ""],
      ["price_rule", uuidToText(rule), ""],
    ]);
  });

  it("keeps the summary and the cost of a call that was not sampled, and drops its child spans only", async () => {
    const traceId = randomBytesPooled(16);
    const intent = { traceId };
    await record([
      call(0, { intent, completion: { stages, costUsdMicros: 3n, sampled: false } }),
      call(1, { intent, completion: { stages, costUsdMicros: 4n, sampled: true } }),
    ]);
    const { trace } = await client.getTrace({ traceId: hexOf(traceId) });
    expect(trace).toMatchObject({ callCount: 2, totalCostUsdMicros: 7n, spanCount: 3 });
    const { spans } = await client.listSpans({ traceId: hexOf(traceId) });
    expect(spans.map(({ operation, costUsdMicros }) => [operation, costUsdMicros])).toEqual([
      ["gateway.request", 3n],
      ["gateway.request", 4n],
      ["gateway.rate_limit", 0n],
    ]);
    const { calls } = await client.listCalls({ startTime: PERIOD.startTime });
    expect(calls.map(({ stages: all }) => all.length)).toEqual([1, 1]);
  });

  it("refuses conditions that mean nothing, by name", async () => {
    await expect(client.searchTraces({ ...PERIOD, reason: "NO_SUCH" })).rejects.toThrow("reason");
    const tail = client.tailTraces({ reason: "NO_SUCH" })[Symbol.asyncIterator]();
    await expect(tail.next()).rejects.toThrow("reason");
    expect(tailed.streams).toBe(0);
  });

  it("shows a trace and its spans by either form of its id", async () => {
    const one = call(0, { completion: { costUsdMicros: 3n, stages } });
    await record([one]);
    const traceId = one.intent?.traceId ?? new Uint8Array();
    for (const id of [hexOf(traceId), uuidToText(traceId)]) {
      const { trace } = await client.getTrace({ traceId: id });
      expect(trace).toMatchObject({
        id: hexOf(traceId),
        toolName: "echo",
        totalCostUsdMicros: 3n,
        spanCount: 2,
      });
    }
    const first = await client.listSpans({ traceId: hexOf(traceId), limit: 1 });
    const second = await client.listSpans({
      traceId: hexOf(traceId),
      limit: 1,
      cursor: first.cursor,
    });
    expect([first.hasMore, second.hasMore]).toEqual([true, false]);
    const spanId = hexOf(one.intent?.spanId ?? new Uint8Array());
    expect(first.spans[0]).toMatchObject({
      spanId,
      parentSpanId: "",
      operation: "gateway.request",
    });
    expect(second.spans[0]).toMatchObject({
      parentSpanId: spanId,
      operation: "gateway.rate_limit",
    });
    await expect(client.getTrace({ traceId: "0".repeat(32) })).rejects.toThrow("No trace");
  });

  it("finds calls and traces by names that were not known when they were stored", async () => {
    await record([call(0), call(1, { intent: { serverId: randomBytesPooled(16), toolId: 255n } })]);
    const search = async (request: { mcpServer?: string; toolName?: string }) =>
      (await client.searchTraces({ ...PERIOD, ...request })).traces.map(({ toolName }) => toolName);
    expect(await search({ mcpServer: "everything" })).toEqual(["echo"]);
    expect(await search({ toolName: "echo" })).toEqual(["echo"]);
    expect(await search({ toolName: "tool:00000000000000ff" })).toEqual(["tool:00000000000000ff"]);
    expect(await search({ mcpServer: "nothing" })).toEqual([]);
    expect((await client.listCalls({ mcpServer: "everything" })).calls).toHaveLength(1);
    expect((await client.listCalls({})).calls).toHaveLength(2);
  });

  it("pages traces by cursor and refuses what is not one", async () => {
    await record(Array.from({ length: 5 }, (_, i) => call(i)));
    const seen: string[] = [];
    let cursor = "";
    do {
      const page = await client.listTraces({ ...PERIOD, limit: 2, cursor });
      seen.push(...page.traces.map(({ id }) => id));
      cursor = page.cursor;
      expect(page.hasMore).toBe(cursor !== "");
    } while (cursor !== "");
    expect(new Set(seen).size).toBe(5);
    await expect(client.listTraces({ ...PERIOD, cursor: "junk" })).rejects.toThrow("cursor");
    await expect(client.listTraces({ ...PERIOD, endTime: PERIOD.startTime })).rejects.toThrow(
      "end_time",
    );
  });
});

describe("TailTraces", () => {
  /** A call of just now: the tail looks at those of the last day. */
  const recent = (spec: RecordSpec = {}): CallCompletion => {
    const { intent, ...completion } = call(0, spec);
    return makeRecord(BigInt(Date.now()) * 1000n, {
      completion,
      intent: { ...intent, startTimeUs: BigInt(Date.now()) * 1000n },
    });
  };

  const idsOf = (records: readonly CallCompletion[]): string[] =>
    records.map(({ intent }) => requestIdOf(intent?.callId ?? new Uint8Array())).sort();

  type Tail = { readonly messages: AsyncIterator<TailTracesResponse>; end(): void };
  const tails: Tail[] = [];

  /** A stream that has begun. */
  async function tail(request: Parameters<typeof client.tailTraces>[0] = {}): Promise<Tail> {
    const hangUp = new AbortController();
    const stream = client.tailTraces(request, { signal: hangUp.signal });
    const messages = stream[Symbol.asyncIterator]();
    await messages.next();
    const opened = {
      messages,
      end: () => {
        hangUp.abort();
      },
    };
    tails.push(opened);
    return opened;
  }

  /** The calls of a stream until so many have come. */
  async function callsOf({ messages }: Tail, count: number): Promise<Call[]> {
    const calls: Call[] = [];
    while (calls.length < count) {
      const { value } = (await messages.next()) as { value: TailTracesResponse };
      calls.push(...value.calls);
    }
    return calls;
  }

  afterEach(async () => {
    for (const { end } of tails.splice(0)) end();
    await waitUntil(() => tailed.streams === 0);
  });

  it("tells every listener of an organisation of each new call once, with names, and no other organisation", async () => {
    const before = recent();
    await record([before]);
    const mine = Array.from({ length: 30 }, () => recent());
    const foreign = makeRecord(BigInt(Date.now()) * 1000n);
    const listeners = [await tail(), await tail()];
    for (let i = 0; i < mine.length; i += 10) {
      await record([...mine.slice(i, i + 10), foreign]);
      await record(mine.slice(i, i + 10));
    }
    for (const listener of listeners) {
      const calls = await callsOf(listener, mine.length);
      expect(calls.map(({ requestId }) => requestId).sort()).toEqual(idsOf(mine));
      expect(calls[0]).toMatchObject({
        mcpServer: "everything",
        toolName: "echo",
        apiKeyName: "demo",
      });
    }
  });

  it("tells only of what its filter wants", async () => {
    const wanted = recent({ completion: { outcome: Outcome.TOOL_ERROR, reason: 88 } });
    const listener = await tail({ mcpServer: "everything", outcome: "tool_error" });
    await record([recent(), wanted, recent({ intent: { serverId: randomBytesPooled(16) } })]);
    const [first] = await callsOf(listener, 1);
    expect(first?.requestId).toBe(idsOf([wanted])[0]);
  });

  it("tells again of a call that was begun when its completion is found", async () => {
    const known = recent();
    const listener = await tail();
    const outcomes: string[] = [];
    for (const version of [{ ...known, outcome: Outcome.UNKNOWN, stages: [] }, known]) {
      await record([version]);
      outcomes.push(...(await callsOf(listener, 1)).map(({ outcome }) => outcome));
    }
    expect(outcomes).toEqual(["unknown", "ok"]);
  });

  it("bounds the streams of an organisation and of the replica, and says which bound it was", async () => {
    await tail();
    await tail();
    await expect(tail()).rejects.toThrow("The organisation follows 2 streams");
    org = randomBytesPooled(16);
    await tail();
    org = randomBytesPooled(16);
    await expect(tail()).rejects.toThrow("another replica may have room");
    tails.shift()?.end();
    await waitUntil(() => tailed.streams === 2);
    await tail();
  });
});

async function waitUntil(check: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await check())) {
    if (performance.now() > deadline) throw new Error("what was waited for did not come");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
