import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, type ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import { randomBytesPooled, toolIdOf, toolIdToText, uuidToText } from "@gatewayops/platform/ids";
import { makeRecord, type RecordSpec } from "@gatewayops/platform/streams/consumer-testing";
import {
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
  type CallCompletion,
  type StageReport,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { createClickHouseRecordStore } from "../src/calls/record-store.clickhouse.ts";
import { createRecorder } from "../src/calls/recorder.ts";
import { createClickHouseTraceStore } from "../src/traces/trace-store.clickhouse.ts";
import { ANY_CALL, type CallFilter } from "../src/traces/call-filter.ts";
import type {
  Before,
  Trace,
  TraceBefore,
  TraceQuery,
  TraceStore,
} from "../src/traces/trace-store.ts";
import { KEPT_90_DAYS, startStore, type TestStore } from "./engines.ts";

const NOON_US = BigInt(Math.floor(Date.now() / 86_400_000) * 86_400_000 - 43_200_000) * 1000n;
const SECOND_US = 1_000_000n;
const RANGE = { startUs: NOON_US - 3_600n * SECOND_US, endUs: NOON_US + 3_600n * SECOND_US };
const ANY = { status: undefined, userId: "", teamId: "" } as const;

let engine: TestStore;
let client: ClickHouseClient;
let clickhouse: ClickHouse;
let traces: TraceStore;
let record: (records: readonly CallCompletion[]) => Promise<void>;

beforeAll(async () => {
  engine = await startStore();
  client = createClient({ url: engine.clickhouseUrl, log: { level: ClickHouseLogLevel.OFF } });
  clickhouse = createClickHouse({ client, service: "test" });
  const directory = fileURLToPath(new URL("../migrations/clickhouse", import.meta.url));
  await migrateClickHouse({ clickhouse, service: "svc-trace", directory });
  traces = createClickHouseTraceStore(clickhouse);
  record = recorderAt(Number(NOON_US / 1000n) + 86_400_000);
}, 120_000);

afterAll(async () => {
  await client.close();
  await engine.stop();
});

/** A recorder whose clock shows so many milliseconds. */
function recorderAt(nowMs: number): typeof record {
  return createRecorder(
    createClickHouseRecordStore(clickhouse, () => nowMs),
    () => undefined,
    KEPT_90_DAYS,
  );
}

function stage(name: Stage, outcome: StageOutcome, durationUs: number): StageReport {
  return {
    $typeName: "gatewayops.events.v1.StageReport",
    stage: name,
    outcome,
    durationUs,
    ruleOwner: RuleOwner.UNSPECIFIED,
  };
}

const STAGES = [
  stage(Stage.AUTHENTICATE, StageOutcome.PASSED, 100),
  stage(Stage.BUDGET, StageOutcome.NOT_CONFIGURED, 1),
  stage(Stage.UPSTREAM, StageOutcome.PASSED, 1_500),
];

/** A call of an organisation, so many seconds after noon. */
function call(org: Buffer, seconds: number, spec: RecordSpec = {}): CallCompletion {
  return makeRecord(NOON_US + BigInt(seconds) * SECOND_US, {
    intent: { orgId: org, ...spec.intent },
    completion: { stages: STAGES, ...spec.completion },
  });
}

async function list(org: Buffer, query: Partial<TraceQuery> = {}): Promise<readonly Trace[]> {
  return (await listPage(org, query)).traces;
}

function listPage(org: Buffer, query: Partial<TraceQuery> = {}) {
  const page = { limit: 100, after: undefined };
  return traces.listTraces(uuidToText(org), {
    range: RANGE,
    filter: ANY,
    withCall: undefined,
    page,
    ...query,
  });
}

const idOf = (bytes: Uint8Array | undefined): string => uuidToText(bytes ?? Buffer.alloc(16));

describe.each([
  ["of just now", 30_000],
  ["of yesterday", 86_400_000],
])("the recorder of calls %s", (_, ageMs) => {
  beforeAll(() => {
    record = recorderAt(Number(NOON_US / 1000n) + ageMs);
  });

  it("counts a call that was made within another and is stored before it", async () => {
    const org = randomBytesPooled(16);
    const traceId = randomBytesPooled(16);
    const outer = call(org, 0, { intent: { traceId, toolId: 1n } });
    const inner = call(org, 1, { intent: { traceId, parentSpanId: randomBytesPooled(8) } });
    // As much as clocks of gateways may differ.
    const early = call(org, -59, { intent: { traceId, parentSpanId: randomBytesPooled(8) } });
    await record([inner, early]);
    await record([outer, call(org, 1)]);
    const found = await list(org);
    expect(found.map(({ callCount }) => callCount)).toEqual([1, 3]);
    await record([call(org, 900, { intent: { traceId, parentSpanId: randomBytesPooled(8) } })]);
    expect((await list(org)).find((trace) => trace.traceId === uuidToText(traceId))).toMatchObject({
      callCount: 4,
      startTimeUs: NOON_US - 59n * SECOND_US,
    });
  });

  it("keeps a call that is stored three times once", async () => {
    const org = randomBytesPooled(16);
    const records = [call(org, 0, { completion: { costUsdMicros: 5n } })];
    await record(records);
    await record(records);
    await record(records);
    const [trace, ...others] = await list(org);
    expect(others).toEqual([]);
    expect(trace).toMatchObject({
      callCount: 1,
      spanCount: 3,
      costUsdMicros: 5n,
      status: "success",
      durationMs: 2n,
    });
    const traceId = idOf(records[0]?.intent?.traceId);
    const spans = await traces.listSpans(uuidToText(org), traceId, { limit: 10, after: undefined });
    expect(spans.map(({ operation, durationUs }) => [operation, durationUs])).toEqual([
      ["gateway.request", 2_000n],
      ["gateway.auth", 100n],
      ["gateway.mcp_proxy", 1_500n],
    ]);
    const calls = await traces.listCalls(uuidToText(org), {
      range: RANGE,
      filter: ANY_CALL,
      page: { limit: 10, after: undefined },
    });
    expect(calls).toHaveLength(1);
  });

  it("sums a trace of several calls, stored in any order and at the same time", async () => {
    const org = randomBytesPooled(16);
    const traceId = randomBytesPooled(16);
    const records = Array.from({ length: 40 }, (_, i) =>
      call(org, i, {
        intent: { traceId },
        completion: {
          costUsdMicros: 1n,
          sampled: false,
          outcome: i === 7 ? Outcome.TIMEOUT : Outcome.OK,
        },
      }),
    );
    const reversed = [...records].reverse();
    await Promise.all([0, 10, 20, 30].map((from) => record(reversed.slice(from, from + 15))));
    const found = await list(org);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      startTimeUs: NOON_US,
      durationMs: 39_002n,
      callCount: 40,
      spanCount: 40,
      costUsdMicros: 40n,
      status: "timeout",
    });
    expect(await traces.getTrace(uuidToText(org), uuidToText(traceId))).toEqual(found[0]);
  });

  it("computes more traces at once than one statement takes", async () => {
    const org = randomBytesPooled(16);
    await record(Array.from({ length: 5_200 }, (_, i) => call(org, i % 60)));
    const rows = await clickhouse.select<{ traces: string }>(
      "count",
      "SELECT toString(count()) AS traces FROM traces FINAL WHERE org_id = {orgId:String}",
      { orgId: uuidToText(org) },
    );
    expect(rows[0]?.traces).toBe("5200");
  });

  it("replaces a call that was only begun when its completion is found", async () => {
    const org = randomBytesPooled(16);
    const known = call(org, 0);
    const begun = { ...known, outcome: Outcome.UNKNOWN, stages: [], httpStatus: 0 };
    await record([begun]);
    expect((await list(org))[0]).toMatchObject({ status: "unknown", spanCount: 1 });
    await record([known]);
    await record([begun]);
    expect((await list(org))[0]).toMatchObject({ status: "success", spanCount: 3 });
    const callsBy = (status: "unknown" | "success") =>
      traces.listCalls(uuidToText(org), {
        range: RANGE,
        filter: { ...ANY_CALL, status },
        page: { limit: 10, after: undefined },
      });
    expect(await callsBy("unknown")).toEqual([]);
    expect(await callsBy("success")).toHaveLength(1);
    expect(await list(org, { filter: { ...ANY, status: "unknown" } })).toEqual([]);
    expect(await list(org, { withCall: { ...ANY_CALL, status: "unknown" } })).toEqual([]);
  });
});

describe("lists", () => {
  it("page through all traces, newest first, while more arrive and several begin at the same time", async () => {
    const org = randomBytesPooled(16);
    const records = Array.from({ length: 57 }, (_, i) => call(org, Math.floor(i / 5)));
    await record(records);
    const seen: string[] = [];
    let after: TraceBefore | undefined;
    for (;;) {
      const { traces: page, asOfMs = 0n } = await listPage(org, { page: { limit: 10, after } });
      seen.push(...page.map(({ traceId }) => traceId));
      const last = page.at(-1);
      if (page.length < 10 || !last) break;
      after = { startTimeUs: last.startTimeUs, id: last.traceId, asOfMs };
      await record([call(org, 100 + seen.length)]);
    }
    expect(seen).toHaveLength(57);
    expect(new Set(seen)).toEqual(new Set(records.map(({ intent }) => idOf(intent?.traceId))));
  });

  it("page through calls and spans of the same time", async () => {
    const org = randomBytesPooled(16);
    const traceId = randomBytesPooled(16);
    await record(Array.from({ length: 25 }, () => call(org, 0, { intent: { traceId } })));
    const calls: string[] = [];
    for (let after: Before | undefined; ;) {
      const page = await traces.listCalls(uuidToText(org), {
        range: RANGE,
        filter: ANY_CALL,
        page: { limit: 7, after },
      });
      calls.push(...page.map(({ callId }) => callId));
      const last = page.at(-1);
      if (!last || page.length < 7) break;
      after = { startTimeUs: last.startTimeUs, id: last.callId };
    }
    expect(new Set(calls).size).toBe(25);
    expect(calls).toHaveLength(25);
    const spans: bigint[] = [];
    for (let after: { startTimeUs: bigint; isStage: boolean; spanId: bigint } | undefined; ;) {
      const page = await traces.listSpans(uuidToText(org), uuidToText(traceId), {
        limit: 20,
        after,
      });
      spans.push(...page.map(({ spanId }) => spanId));
      const last = page.at(-1);
      if (!last || page.length < 20) break;
      after = { ...last, isStage: last.operation !== "gateway.request" };
    }
    expect(spans).toHaveLength(75);
    expect(new Set(spans).size).toBe(75);
  });

  it("show a trace once and at its true beginning, though a later call was stored first", async () => {
    const org = randomBytesPooled(16);
    const traceId = randomBytesPooled(16);
    for (const seconds of [30, 20, 10])
      await record([call(org, seconds, { intent: { traceId } }), call(org, seconds + 1)]);
    const found = await list(org);
    expect(found).toHaveLength(4);
    expect(found.find((trace) => trace.traceId === uuidToText(traceId))).toMatchObject({
      startTimeUs: NOON_US + 10n * SECOND_US,
      callCount: 3,
    });
    const later = { ...RANGE, startUs: NOON_US + 15n * SECOND_US };
    expect(await list(org, { range: later })).toHaveLength(2);
  });

  it("find traces by what one call of them did", async () => {
    const org = randomBytesPooled(16);
    const server = randomBytesPooled(16);
    const team = randomBytesPooled(16);
    const tool = toolIdOf(server, "echo");
    const wanted = call(org, 1, {
      intent: { serverId: server, toolId: tool, teamId: team },
      completion: { costUsdMicros: 250n, durationUs: 90_000n, outcome: Outcome.TOOL_ERROR },
    });
    await record([wanted, call(org, 2), call(org, 3, { intent: { serverId: server } })]);
    const nameless = await traces.namelessIds(uuidToText(org), RANGE);
    expect(nameless).toEqual({ serverIds: [uuidToText(server)], toolIds: [toolIdToText(tool)] });
    const filters: Partial<CallFilter>[] = [
      { tool: { name: "echo", ids: [toolIdToText(tool)] } },
      { teamId: uuidToText(team) },
      { status: "error" },
      { minDurationUs: 90_000n },
      { minCostUsdMicros: 250n, server: { name: "everything", ids: [uuidToText(server)] } },
    ];
    for (const filter of filters) {
      const found = await list(org, { withCall: { ...ANY_CALL, ...filter } });
      expect(found.map(({ traceId }) => traceId)).toEqual([idOf(wanted.intent?.traceId)]);
    }
    expect(await list(org, { withCall: { ...ANY_CALL, minCostUsdMicros: 251n } })).toEqual([]);
  });

  it("give one organisation nothing of another, even with its trace id", async () => {
    const org = randomBytesPooled(16);
    const other = randomBytesPooled(16);
    const traceId = randomBytesPooled(16);
    const mine = call(org, 0, { intent: { traceId } });
    await record([mine, call(other, 0, { intent: { traceId } })]);
    expect((await list(org))[0]).toMatchObject({ callCount: 1 });
    const stranger = uuidToText(randomBytesPooled(16));
    expect(await traces.getTrace(stranger, uuidToText(traceId))).toBeUndefined();
    expect(await traces.getCall(stranger, idOf(mine.intent?.callId))).toBeUndefined();
    expect(await traces.getCall(uuidToText(org), idOf(mine.intent?.callId))).toBeDefined();
  });
});

describe("a call", () => {
  it("is found by its id, with everything the record says", async () => {
    const org = randomBytesPooled(16);
    const key = randomBytesPooled(16);
    const refused = call(org, 0, {
      intent: { keyId: key },
      completion: {
        outcome: Outcome.REFUSED,
        reason: 60,
        httpStatus: 429,
        rpcCode: -32000,
        attempts: 0,
      },
    });
    await record([refused]);
    expect(await traces.getCall(uuidToText(org), idOf(refused.intent?.callId))).toMatchObject({
      callId: idOf(refused.intent?.callId),
      traceId: idOf(refused.intent?.traceId),
      startTimeUs: NOON_US,
      durationUs: 2_000n,
      method: "tools/call",
      status: "error",
      outcome: "refused",
      reason: 60,
      httpStatus: 429,
      rpcCode: -32000,
      face: "mcp_modern",
      priceRuleId: "",
      keyId: uuidToText(key),
      requestBytes: 110n,
      responseBytes: 130n,
      stages: [
        { name: "authenticate", outcome: "passed", durationUs: 100n },
        { name: "budget", outcome: "not_configured", durationUs: 1n },
        { name: "upstream", outcome: "passed", durationUs: 1_500n },
      ],
    });
  });

  it("is found though its id says another time", async () => {
    const org = randomBytesPooled(16);
    const callId = randomBytesPooled(16);
    await record([call(org, 0, { intent: { callId } })]);
    expect(await traces.getCall(uuidToText(org), uuidToText(callId))).toBeDefined();
  });
});
