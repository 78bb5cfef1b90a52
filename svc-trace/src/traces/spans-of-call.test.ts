import { describe, expect, it } from "@jest/globals";
import { compareSpanKeys, spanKeyOf, spansOfCall } from "./spans-of-call.ts";
import type { CallRecord } from "./trace-store.ts";

// 2026-11-23T14:30:00Z.
const START_US = 1_795_444_200_000_000n;

function callWith(fields: Partial<CallRecord> = {}): CallRecord {
  return {
    callId: "00010203-0405-0607-0809-0a0b0c0d0e0f",
    traceId: "0b6f9c1e-0000-4000-8000-000000000001",
    spanId: 0xaan,
    parentSpanId: 0n,
    serverId: "01010101-0101-0101-0101-010101010101",
    serverName: "the server",
    toolId: "0000000000000007",
    toolName: "the tool",
    startTimeUs: START_US,
    durationUs: 2_000n,
    method: "tools/call",
    status: "success",
    outcome: "ok",
    reason: 0,
    httpStatus: 200,
    rpcCode: 0,
    face: "mcp_modern",
    costUsdMicros: 0n,
    priceRuleId: "",
    requestBytes: 110n,
    responseBytes: 130n,
    attempts: 1,
    keyId: "",
    teamId: "",
    userId: "",
    isSampled: true,
    stages: [],
    ...fields,
  };
}

const STAGES = [
  { name: "authenticate", outcome: "passed", durationUs: 100n },
  { name: "budget", outcome: "not_configured", durationUs: 10n },
  { name: "upstream", outcome: "failed", durationUs: 1_500n },
];

describe("spansOfCall", () => {
  it("puts the stages that ran one after the other under the call", () => {
    const spans = spansOfCall(
      callWith({ stages: STAGES, status: "timeout", outcome: "timeout", reason: 81 }),
    );
    expect(
      spans.map(({ operation, startTimeUs, durationUs, status, parentSpanId }) => [
        operation,
        startTimeUs - START_US,
        durationUs,
        status,
        parentSpanId,
      ]),
    ).toEqual([
      ["gateway.request", 0n, 2_000n, "timeout", 0n],
      ["gateway.auth", 0n, 100n, "success", 0xaan],
      ["gateway.mcp_proxy", 110n, 1_500n, "timeout", 0xaan],
    ]);
    expect(spans[2]).toMatchObject({ serverName: "the server", requestBytes: 110n });
    expect(spans[1]).toMatchObject({ serverName: "", toolId: "0000000000000000", attributes: {} });
    expect(spans[2]?.attributes).toEqual({ "gatewayops.stage.outcome": "failed" });
  });

  it("has no children for a call that was not sampled", () => {
    expect(spansOfCall(callWith({ stages: STAGES, isSampled: false }))).toHaveLength(1);
  });

  it("names attributes as OpenTelemetry does", () => {
    const [call] = spansOfCall(callWith({ outcome: "rpc_error", rpcCode: -32000, reason: 87 }));
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
    const [call] = spansOfCall(callWith({ outcome: "rpc_error", rpcCode: -32602 }));
    expect(call?.attributes).toMatchObject({ "rpc.response.status_code": "-32602" });
    expect(call?.attributes).not.toHaveProperty(["error.type"]);
  });
});

describe("compareSpanKeys", () => {
  it("orders by time, a call before its stages, then by id", () => {
    const [call, auth, upstream] = spansOfCall(callWith({ stages: STAGES })).map(spanKeyOf);
    const other = { ...call!, spanId: 0xabn };
    const keys = [upstream!, other, auth!, call!];
    expect(keys.sort(compareSpanKeys)).toEqual([call, other, auth, upstream]);
    expect(compareSpanKeys(call!, { ...call! })).toBe(0);
  });
});
