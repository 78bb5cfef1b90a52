import { describe, expect, it } from "@jest/globals";
import { encodeRows } from "@gatewayops/platform/clickhouse/tab-separated";
import { factsOf } from "@gatewayops/platform/streams/consumer-records";
import { makeRecord } from "@gatewayops/platform/streams/consumer-testing";
import {
  Outcome,
  RuleOwner,
  Stage,
  StageOutcome,
} from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { CALL_COLUMNS, toCallRow } from "./call-row.ts";

// 2026-11-23T14:30:00Z.
const START_US = 1_795_444_200_000_000n;
const ID = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");

describe("toCallRow", () => {
  it("takes everything from the record", () => {
    const record = makeRecord(START_US, {
      intent: {
        orgId: ID,
        callId: ID,
        traceId: ID,
        spanId: Buffer.from("00000000000000aa", "hex"),
        serverId: ID,
        toolId: 7n,
        reservedUsdMicros: 250n,
      },
      completion: {
        outcome: Outcome.RPC_ERROR,
        reason: 87,
        rpcCode: -32000,
        costUsdMicros: 1n,
        stages: [
          {
            $typeName: "gatewayops.events.v1.StageReport",
            stage: Stage.UPSTREAM,
            outcome: StageOutcome.FAILED,
            durationUs: 1_500,
            ruleOwner: RuleOwner.KEY,
          },
        ],
      },
    });
    const row = toCallRow(record, factsOf(record), (_, { kind, id }) => `${kind} ${id}`, 30);
    const { columns, body } = encodeRows(CALL_COLUMNS, [row]);
    const values = body.slice(0, -1).split("\t");
    const uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
    expect(Object.fromEntries(columns.map((name, i) => [name, values[i]]))).toEqual({
      org_id: uuid,
      start_time: "2026-11-23 14:30:00.000000",
      call_id: uuid,
      trace_id: uuid,
      span_id: "170",
      parent_span_id: "0",
      team_id: "",
      user_id: "",
      key_id: "",
      server_id: uuid,
      mcp_server: `server ${uuid}`,
      tool_id: "7",
      tool_name: "tool 0000000000000007",
      method: "tools/call",
      face: "mcp_modern",
      status: "error",
      outcome: "rpc_error",
      reason: "87",
      reason_name: "UPSTREAM_RPC_ERROR",
      http_status: "200",
      rpc_code: "-32000",
      duration_us: "2000",
      request_size: "110",
      response_size: "130",
      attempts: "1",
      cost: "0.000001",
      reserved: "0.000250",
      price_rule_id: "00000000-0000-0000-0000-000000000000",
      input_tokens: "0",
      output_tokens: "0",
      sampled: "1",
      "stages.name": "['upstream']",
      "stages.outcome": "['failed']",
      "stages.duration_us": "[1500]",
      "stages.rule_owner": "['key']",
      weight: "2",
      retention_days: "30",
    });
  });
});
