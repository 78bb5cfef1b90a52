import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { ClickHouseLogLevel, createClient, type ClickHouseClient } from "@clickhouse/client";
import { createClickHouse, type ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import { randomBytesPooled, uuidToText } from "@gatewayops/platform/ids";
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
import { KEPT_90_DAYS, startStore, type TestStore } from "./engines.ts";

// Today at 00:00:00Z, so that no row is older than its time to live.
const MIDNIGHT_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000;
const DAY = new Date(MIDNIGHT_MS).toISOString().slice(0, 10);
const CALL = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");

let engine: TestStore;
let client: ClickHouseClient;
let clickhouse: ClickHouse;
let record: (records: readonly CallCompletion[]) => Promise<void>;

beforeAll(async () => {
  engine = await startStore();
  client = createClient({ url: engine.clickhouseUrl, log: { level: ClickHouseLogLevel.OFF } });
  clickhouse = createClickHouse({ client, service: "test" });
  const directory = fileURLToPath(new URL("../migrations/clickhouse", import.meta.url));
  await migrateClickHouse({ clickhouse, service: "svc-trace", directory });
  record = createRecorder(
    createClickHouseRecordStore(clickhouse, () => Date.now()),
    (_, { kind }) => `the ${kind}`,
    KEPT_90_DAYS,
  );
}, 120_000);

afterAll(async () => {
  await client.close();
  await engine.stop();
});

type Span = {
  operation: string;
  start: string;
  duration_us: string;
  status: string;
  span_id: string;
  parent_span_id: string;
  error_message: string;
  attributes: Record<string, string>;
};

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
  stage(Stage.BUDGET, StageOutcome.NOT_CONFIGURED, 10),
  stage(Stage.UPSTREAM, StageOutcome.FAILED, 1_500),
];

/** The rows of `spans` of one call, as whoever asks the table sees them. */
async function spansOf(spec: RecordSpec, times = 1): Promise<Span[]> {
  const orgId = randomBytesPooled(16);
  const call = makeRecord(BigInt(MIDNIGHT_MS) * 1000n, {
    ...spec,
    intent: {
      orgId,
      callId: CALL,
      spanId: Buffer.from("00000000000000aa", "hex"),
      serverId: Buffer.alloc(16, 1),
      toolId: 7n,
      ...spec.intent,
    },
  });
  for (let i = 0; i < times; i += 1) await record([call]);
  return clickhouse.select<Span>(
    "spans",
    `SELECT operation, toString(start_time) AS start, duration_us, status, toString(span_id) AS span_id,
      toString(parent_span_id) AS parent_span_id, error_message, attributes
    FROM spans WHERE org_id = {orgId:String} ORDER BY start_time, operation != 'gateway.request'`,
    { orgId: uuidToText(orgId) },
  );
}

describe("spans", () => {
  it("are the call and, one after the other, the stages that ran", async () => {
    const completion = { stages: STAGES, outcome: Outcome.TIMEOUT, reason: 81 };
    const spans = await spansOf({ completion });
    expect(
      spans.map((span) => [
        span.operation,
        span.start,
        span.duration_us,
        span.status,
        span.parent_span_id,
        span.error_message,
      ]),
    ).toEqual([
      ["gateway.request", `${DAY} 00:00:00.000000`, "2000", "timeout", "0", "UPSTREAM_TIMEOUT"],
      ["gateway.auth", `${DAY} 00:00:00.000000`, "100", "success", "170", ""],
      ["gateway.mcp_proxy", `${DAY} 00:00:00.000110`, "1500", "timeout", "170", "UPSTREAM_TIMEOUT"],
    ]);
    expect(spans.map(({ attributes }) => attributes["gatewayops.stage.outcome"])).toEqual([
      undefined,
      undefined,
      "failed",
    ]);
  });

  it("are there once for a call that is stored again", async () => {
    expect(await spansOf({ completion: { stages: STAGES } }, 3)).toHaveLength(3);
  });

  it("have ids that follow from call id and stage", async () => {
    const spans = await spansOf({ completion: { stages: STAGES } });
    // printf '000102030405060708090a0b0c0d0e0f06' | xxd -r -p | sha256sum
    expect(spans.map(({ span_id }) => BigInt(span_id).toString(16))[2]).toBe("646245934d063cb0");
    expect(spans[0]?.span_id).toBe("170");
  });

  it("are without children for a call that was not sampled", async () => {
    expect(await spansOf({ completion: { stages: STAGES, sampled: false } })).toHaveLength(1);
  });

  it("name attributes as OpenTelemetry does", async () => {
    const completion = { outcome: Outcome.RPC_ERROR, rpcCode: -32000, reason: 87 };
    const [call] = await spansOf({ completion });
    expect(call?.attributes).toEqual({
      "mcp.method.name": "tools/call",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "the tool",
      "network.transport": "tcp",
      "network.protocol.name": "http",
      "error.type": "-32000",
      "rpc.response.status_code": "-32000",
      "http.response.status_code": "200",
      "gatewayops.request.id": "req_000102030405060708090a0b0c0d0e0f",
      "gatewayops.outcome": "rpc_error",
      "gatewayops.cost.usd": "0.000000",
      "gatewayops.attempts": "1",
      "gatewayops.face": "mcp_modern",
      "gatewayops.reason": "UPSTREAM_RPC_ERROR",
    });
  });

  it("say what was called, and what failed, of the stage that failed", async () => {
    const refusing = {
      ...stage(Stage.RATE_LIMIT, StageOutcome.REFUSED, 40),
      ruleOwner: RuleOwner.TEAM,
    };
    const refused = { outcome: Outcome.REFUSED, reason: 60, httpStatus: 429, attempts: 0 };
    const limited = await spansOf({ completion: { ...refused, stages: [refusing] } });
    expect(limited[1]).toMatchObject({
      operation: "gateway.rate_limit",
      attributes: {
        "error.type": "refused",
        "gatewayops.reason": "RATE_LIMITED",
        "gatewayops.rule": "team",
        "gatewayops.stage.outcome": "refused",
      },
    });
    const stages = [
      stage(Stage.LOG, StageOutcome.PASSED, 30),
      stage(Stage.UPSTREAM, StageOutcome.PASSED, 900),
    ];
    const failed = { outcome: Outcome.TOOL_ERROR, reason: 88, stages };
    const [call, log, proxy] = await spansOf({ completion: failed });
    expect(call?.attributes["error.type"]).toBe("tool_error");
    expect(log).toMatchObject({ operation: "gateway.log", attributes: {} });
    // printf '000102030405060708090a0b0c0d0e0f0a' | xxd -r -p | sha256sum
    expect(BigInt(log?.span_id ?? 0).toString(16)).toBe("96e654e5c5a7af75");
    expect(proxy).toMatchObject({
      operation: "gateway.mcp_proxy",
      status: "success",
      attributes: {
        "mcp.method.name": "tools/call",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "the tool",
        "gatewayops.attempts": "1",
      },
    });
  });

  it("do not blame the server for a client's mistake", async () => {
    const completion = { outcome: Outcome.RPC_ERROR, rpcCode: -32602 };
    const [call] = await spansOf({ completion });
    expect(call?.attributes).toMatchObject({ "rpc.response.status_code": "-32602" });
    expect(call?.attributes).not.toHaveProperty(["error.type"]);
  });
});
