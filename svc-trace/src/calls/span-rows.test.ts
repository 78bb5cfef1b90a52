import { describe, expect, it } from "@jest/globals";
import { factsOf } from "@gatewayops/platform/streams/consumer-records";
import { makeRecord, type RecordSpec } from "@gatewayops/platform/streams/consumer-testing";
import {
  Outcome,
  Stage,
  StageOutcome,
  type StageReport,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { storedNames } from "./call-row.ts";
import { stageSpanId, toSpanRows } from "./span-rows.ts";

// 2026-11-23T14:30:00Z.
const START_US = 1_795_444_200_000_000n;
const CALL = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");

function stage(name: Stage, outcome: StageOutcome, durationUs: number): StageReport {
  return { $typeName: "gatewayops.events.v1.StageReport", stage: name, outcome, durationUs };
}

function spansOf(spec: RecordSpec) {
  const record = makeRecord(START_US, {
    ...spec,
    intent: {
      callId: CALL,
      spanId: Buffer.from("00000000000000aa", "hex"),
      serverId: Buffer.alloc(16, 1),
      toolId: 7n,
      ...spec.intent,
    },
  });
  const facts = factsOf(record);
  return toSpanRows(
    record,
    facts,
    storedNames(facts, (_, { kind }) => `the ${kind}`),
  );
}

const STAGES = [
  stage(Stage.AUTHENTICATE, StageOutcome.PASSED, 100),
  stage(Stage.BUDGET, StageOutcome.NOT_CONFIGURED, 10),
  stage(Stage.UPSTREAM, StageOutcome.FAILED, 1_500),
];

describe("toSpanRows", () => {
  it("puts the stages that ran one after the other under the call", () => {
    const spans = spansOf({ completion: { stages: STAGES, outcome: Outcome.TIMEOUT, reason: 81 } });
    expect(
      spans.map(({ operation, start_time, duration_us, status, parent_span_id }) => [
        operation,
        start_time,
        duration_us,
        status,
        parent_span_id,
      ]),
    ).toEqual([
      ["gateway.request", "2026-11-23 14:30:00.000000", "2000", "timeout", "0"],
      ["gateway.auth", "2026-11-23 14:30:00.000000", "100", "success", "170"],
      ["gateway.mcp_proxy", "2026-11-23 14:30:00.000110", "1500", "timeout", "170"],
    ]);
    expect(spans.map(({ error_message }) => error_message)).toEqual([
      "UPSTREAM_TIMEOUT",
      undefined,
      "UPSTREAM_TIMEOUT",
    ]);
  });

  it("gives the same record the same spans", () => {
    const spec = { intent: { orgId: CALL, traceId: CALL }, completion: { stages: STAGES } };
    expect(spansOf(spec)).toEqual(spansOf(spec));
  });

  it("has no children for a call that was not sampled", () => {
    expect(spansOf({ completion: { stages: STAGES, sampled: false } })).toHaveLength(1);
  });

  it("names attributes as OpenTelemetry does", () => {
    const [call] = spansOf({
      completion: { outcome: Outcome.RPC_ERROR, rpcCode: -32000, reason: 87 },
    });
    expect(call?.attributes).toEqual({
      "mcp.method.name": "tools/call",
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "the tool",
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

  it("does not blame the server for a client's mistake", () => {
    const [call] = spansOf({ completion: { outcome: Outcome.RPC_ERROR, rpcCode: -32602 } });
    expect(call?.attributes).toMatchObject({ "rpc.response.status_code": "-32602" });
    expect(call?.attributes).not.toHaveProperty(["error.type"]);
  });
});

describe("stageSpanId", () => {
  it("is the beginning of the hash of call id and stage", () => {
    // printf '000102030405060708090a0b0c0d0e0f06' | xxd -r -p | sha256sum
    expect(BigInt(stageSpanId(CALL, Stage.UPSTREAM)).toString(16)).toBe("646245934d063cb0");
  });
});
