import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { CallSchema, Status } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { callLine, statusFrom } from "./tail.ts";

describe("callLine", () => {
  it("is one line with local time, outcome, call, duration, cost and request id", () => {
    const line = callLine(
      create(CallSchema, {
        requestId: "req_1",
        startTime: timestampFromDate(new Date(2026, 10, 23, 14, 3, 7)),
        outcome: "ok",
        method: "tools/call",
        mcpServer: "everything",
        toolName: "echo",
        durationUs: 3_200n,
        costUsdMicros: 250n,
      }),
    );
    expect(line.split(/ {2,}/)).toEqual([
      ...["14:03:07.000", "ok", "tools/call everything/echo", "3.2 ms", "$0.000250", "req_1"],
    ]);
  });
});

describe("statusFrom", () => {
  it("knows the statuses, and says so of others", () => {
    expect(statusFrom("timeout")).toBe(Status.TIMEOUT);
    expect(statusFrom(undefined)).toBe(Status.UNSPECIFIED);
    expect(() => statusFrom("fine")).toThrow("--status fine is not known");
  });
});
