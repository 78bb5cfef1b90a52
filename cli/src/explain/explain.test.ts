import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "@jest/globals";
import { PriceRuleSchema } from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import { CallSchema } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { tellCall } from "./explain.ts";

const call = create(CallSchema, {
  requestId: "req_0123",
  traceId: "abcd",
  method: "tools/call",
  mcpServer: "everything",
  toolName: "echo",
  outcome: "ok",
  httpStatus: 200,
  costUsdMicros: 250n,
  priceRuleId: "rule-1",
  durationUs: 3_200n,
  attempts: 1,
  stages: [
    { stage: "authenticate", outcome: "passed", durationUs: 12n },
    { stage: "budget", outcome: "not_configured", durationUs: 0n },
    { stage: "upstream", outcome: "passed", durationUs: 2_900n },
  ],
});

describe("tellCall", () => {
  it("tells outcome, cost with its rule, trace and every stage", () => {
    const rule = create(PriceRuleSchema, {
      id: "rule-1",
      server: "everything",
      tool: "echo",
      operation: "tools/call",
      perCallUsdMicros: 250n,
    });
    const text = tellCall(call, rule);
    expect(text).toContain("call       tools/call everything/echo");
    expect(text).toContain("outcome    ok (HTTP 200)");
    expect(text).toContain(
      "cost       $0.000250 by rule everything/echo rule-1 ($0.000250 per call)",
    );
    expect(text).toContain("trace      abcd");
    expect(text).toMatch(/✓ authenticate +passed +12 µs/);
    expect(text).toMatch(/· budget +not configured +0 µs/);
    expect(text).not.toContain("next step");
  });

  it("says what to do about a refusal", () => {
    const refused = create(CallSchema, {
      outcome: "refused",
      reason: "RATE_LIMITED",
      httpStatus: 429,
    });
    const text = tellCall(refused, undefined);
    expect(text).toContain("reason     RATE_LIMITED");
    expect(text).toContain("next step  Slow down");
    expect(text).toContain("$0.00 (no price rule matched)");
  });

  it("says by which rule a stage went, and why it refused", () => {
    const limited = create(CallSchema, {
      stages: [
        { stage: "price", outcome: "passed", durationUs: 3n, rule: "price_rule", ruleId: "rule-1" },
        {
          ...{ stage: "rate_limit", outcome: "refused", durationUs: 40n },
          ...{ rule: "team", ruleId: "team-1", reason: "RATE_LIMITED" },
        },
      ],
    });
    const text = tellCall(limited, undefined);
    expect(text).toMatch(/✓ price +passed +3 µs {2}by price rule rule-1/);
    expect(text).toMatch(
      /✗ rate_limit +refused +40 µs {2}RATE_LIMITED by the limit of team team-1/,
    );
  });

  it("warns of a call whose end nobody knows", () => {
    expect(
      tellCall(create(CallSchema, { outcome: "unknown", reason: "WORKER_LOST" }), undefined),
    ).toContain("the tool may have run");
  });
});
