import { describe, expect, it } from "@jest/globals";
import { Stage } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { spannedStage, stageSpanId } from "./stage-spans.ts";

describe("stageSpanId", () => {
  it("is the beginning of the hash of call id and stage", () => {
    const callId = Buffer.from("000102030405060708090a0b0c0d0e0f", "hex");
    // printf '000102030405060708090a0b0c0d0e0f06' | xxd -r -p | sha256sum
    expect(stageSpanId(callId, Stage.UPSTREAM).toString(16)).toBe("646245934d063cb0");
  });
});

describe("spannedStage", () => {
  it("gives a span to a stage that did something", () => {
    expect(spannedStage("upstream", "failed")?.operation).toBe("gateway.mcp_proxy");
    expect(spannedStage("authenticate", "passed")?.operation).toBe("gateway.auth");
  });

  it("gives none to a stage that is not configured, or that a newer gateway made up", () => {
    expect(spannedStage("budget", "not_configured")).toBeUndefined();
    expect(spannedStage("stage_99", "passed")).toBeUndefined();
  });
});
