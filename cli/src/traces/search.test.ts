import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { Status, TraceSummarySchema } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { periodFrom, tellTraces } from "./search.ts";

const NOW = Date.parse("2026-11-23T14:00:00Z");

describe("periodFrom", () => {
  it("is so long until now, or from and to the times given", () => {
    expect(periodFrom({ since: "30m" }, NOW)).toEqual({ startMs: NOW - 1_800_000, endMs: NOW });
    const to = "2026-11-20T00:00:00Z";
    expect(periodFrom({ since: "7d", to }, NOW)).toEqual({
      startMs: Date.parse("2026-11-13T00:00:00Z"),
      endMs: Date.parse(to),
    });
    expect(periodFrom({ since: "1h", from: "2026-11-01T00:00:00Z" }, NOW).startMs).toBe(
      Date.parse("2026-11-01T00:00:00Z"),
    );
  });

  it.each([
    [{ since: "0h" }, "--since 0h"],
    [{ since: "soon" }, "--since soon"],
    [{ since: "1h", from: "yesterday" }, "--from yesterday"],
    [{ since: "1h", from: "2027-01-01T00:00:00Z" }, "ends before it begins"],
  ])("says what is wrong with %j", (flags, problem) => {
    expect(() => periodFrom(flags, NOW)).toThrow(problem);
  });
});

describe("tellTraces", () => {
  it("is a line for each, and says when there are more", () => {
    const trace = create(TraceSummarySchema, {
      id: "a".repeat(32),
      startTime: timestampFromDate(new Date(2026, 10, 23, 14, 3, 7)),
      status: Status.TIMEOUT,
      mcpServer: "everything",
      toolName: "echo",
      callCount: 3,
      durationMs: 1_500n,
      totalCostUsdMicros: 250n,
    });
    const [head, line, ...rest] = tellTraces([trace], true).split("\n");
    expect(head?.split(/ {2,}/)).toEqual([
      ...["BEGAN", "STATUS", "FIRST CALL", "CALLS", "DURATION", "COST", "TRACE"],
    ]);
    expect(line?.split(/ {2,}/)).toEqual([
      ...["2026-11-23 14:03:07.000", "timeout", "everything/echo", "3", "1.50 s", "$0.000250"],
      "a".repeat(32),
    ]);
    expect(rest.join("")).toContain("There are more");
    expect(tellTraces([], false)).toContain("No trace");
  });
});
