import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
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
import type { NameResolver } from "@gatewayops/platform/names";
import { callerKey } from "@gatewayops/platform/rpc/caller";
import { connectErrorFrom, failureFromConnect } from "@gatewayops/platform/rpc/errors";
import { makeRecord, type RecordSpec } from "@gatewayops/platform/streams/consumer-testing";
import {
  Outcome,
  Stage,
  StageOutcome,
  type CallCompletion,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Status, TraceService } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { createClickHouseRecordStore } from "../src/calls/record-store.clickhouse.ts";
import { createRecorder } from "../src/calls/recorder.ts";
import { traceRoutes } from "../src/service.ts";
import { createClickHouseTraceStore } from "../src/traces/trace-store.clickhouse.ts";
import { startStore } from "./engines.ts";

const NOON_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000;
const SERVER = randomBytesPooled(16);
const KEY = randomBytesPooled(16);
const PERIOD = {
  startTime: timestampFromMs(NOON_MS - 60_000),
  endTime: timestampFromMs(NOON_MS + 3_600_000),
};

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
  const routes = traceRoutes({
    traces: createClickHouseTraceStore(clickhouse),
    names,
    now: () => NOON_MS + 60_000,
  });
  client = createClient(
    TraceService,
    createRouterTransport(routes, { router: { interceptors: [admit] } }),
  );
}, 120_000);

afterAll(async () => {
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
  },
];

describe("TraceService", () => {
  it("explains a call by its request id, with names that were not known when it was stored", async () => {
    const refused = call(0, {
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
      { stage: "rate_limit", outcome: "refused", durationUs: 40n },
    ]);
    await expect(client.getCall({ requestId: `req_${"0".repeat(32)}` })).rejects.toThrow("No call");
    await expect(client.getCall({ requestId: `req_${"f".repeat(32)}` })).rejects.toThrow("No call");
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
