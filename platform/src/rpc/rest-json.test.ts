import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "@jest/globals";
import { CreateTeamRequestSchema } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import {
  CreatePriceRuleRequestSchema,
  ListPriceRulesResponseSchema,
  PriceRuleSchema,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import {
  ListCallsRequestSchema,
  Status,
  TraceSummarySchema,
} from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import fc from "fast-check";
import { Failure } from "../errors.ts";
import { fromRestJson, microsFromUsd, toRestJson, usdFromMicros } from "./rest-json.ts";

describe("usdFromMicros", () => {
  it.each([
    [0n, "0"],
    [1n, "0.000001"],
    [10n, "0.00001"],
    [1_000_000n, "1"],
    [1_500_000n, "1.5"],
    [1_234_567n, "1.234567"],
    [100_000_000n, "100"],
    [-1n, "-0.000001"],
    [-2_500_000n, "-2.5"],
    [9_223_372_036_854_775_807n, "9223372036854.775807"],
  ])("%s micro-USD are %s USD", (micros, usd) => {
    expect(usdFromMicros(micros)).toBe(usd);
  });

  it("writes numbers that JSON takes", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (micros) => {
        expect(usdFromMicros(micros)).toMatch(/^-?(0|[1-9]\d*)(\.\d{1,6})?$/);
      }),
    );
  });
});

describe("microsFromUsd", () => {
  it.each([
    ["0", 0n],
    ["1.5", 1_500_000n],
    ["0.000001", 1n],
    ["-2.5", -2_500_000n],
    ["1000", 1_000_000_000n],
    ["0.1", 100_000n],
  ])("%s USD are %s micro-USD", (usd, micros) => {
    expect(microsFromUsd(usd)).toBe(micros);
  });

  it("takes nothing that would have to be rounded or guessed", () => {
    for (const text of [
      "",
      ".5",
      "5.",
      "1e3",
      "1.0000001",
      "1,5",
      " 1",
      "NaN",
      "0x1",
      "1e-7",
      "--1",
    ])
      expect(microsFromUsd(text)).toBeUndefined();
  });

  it("is the way back", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }), (micros) => {
        expect(microsFromUsd(usdFromMicros(micros))).toBe(micros);
      }),
    );
  });
});

describe("toRestJson", () => {
  it("writes proto names, dollars, short enum values and 64-bit integers as numbers", () => {
    const summary = create(TraceSummarySchema, {
      id: "ab".repeat(16),
      startTime: timestampFromMs(1_795_444_200_123),
      durationMs: 9_007_199_254_740_993n, // above what a double holds
      status: Status.TIMEOUT,
      spanCount: 3,
      callCount: 2,
      totalCostUsdMicros: 1_500_000n,
      mcpServer: "files",
    });
    const json = JSON.stringify(toRestJson(TraceSummarySchema, summary));
    expect(json).toContain('"duration_ms":9007199254740993');
    expect(json).toContain('"total_cost":1.5');
    expect(json).toContain('"status":"timeout"');
    expect(json).toContain('"start_time":"2026-11-23T14:30:00.123Z"');
    expect(json).not.toContain("usd_micros");
  });

  it("writes empty fields, so that a client finds each where it expects it", () => {
    expect(
      JSON.parse(
        JSON.stringify(
          toRestJson(ListPriceRulesResponseSchema, create(ListPriceRulesResponseSchema)),
        ),
      ),
    ).toEqual({ items: [], cursor: "", has_more: false });
  });

  it("writes dollars inside lists of messages", () => {
    const response = create(ListPriceRulesResponseSchema, {
      items: [{ id: "1", server: "*", tool: "*", perCallUsdMicros: 10n }],
    });
    expect(JSON.stringify(toRestJson(ListPriceRulesResponseSchema, response))).toContain(
      '"per_call":0.00001',
    );
  });
});

describe("fromRestJson", () => {
  /** The fields a request is refused for. */
  function problemsOf(json: Parameters<typeof fromRestJson>[1]): string[] {
    try {
      fromRestJson(CreatePriceRuleRequestSchema, json);
    } catch (error) {
      expect(error).toBeInstanceOf(Failure);
      expect((error as Failure).reason).toBe("REQUEST_INVALID");
      return (error as Failure).details.map(({ field }) => field);
    }
    throw new Error("was not refused");
  }

  it("reads dollars as numbers or text", () => {
    for (const perCall of [0.25, "0.25"])
      expect(
        fromRestJson(CreatePriceRuleRequestSchema, { server: "*", tool: "*", per_call: perCall })
          .perCallUsdMicros,
      ).toBe(250_000n);
  });

  it("reads enum values in their short form", () => {
    expect(fromRestJson(ListCallsRequestSchema, { status: "timeout" }).status).toBe(Status.TIMEOUT);
  });

  it("names what does not fit", () => {
    expect(problemsOf({ sever: "x" })).toEqual(["sever"]);
    expect(problemsOf({ per_call: 0.0000001 })).toEqual(["per_call"]);
    expect(problemsOf({ per_call: true })).toEqual(["per_call"]);
    expect(() => fromRestJson(ListCallsRequestSchema, { status: "late" })).toThrow(
      "status: must be one of success, error, timeout, unknown",
    );
  });

  it("neither offers nor takes the value of an enum that stands for none, and reads none", () => {
    expect(() => fromRestJson(ListCallsRequestSchema, { status: "unspecified" })).toThrow(
      "status: must be one of success, error, timeout, unknown",
    );
    expect(fromRestJson(ListCallsRequestSchema, { status: "" }).status).toBe(Status.UNSPECIFIED);
    expect(toRestJson(TraceSummarySchema, create(TraceSummarySchema))).toMatchObject({
      status: "",
    });
  });

  it("knows money by its REST name only", () => {
    expect(problemsOf({ per_call_usd_micros: 5 })).toEqual(["per_call_usd_micros"]);
    expect(() => fromRestJson(CreatePriceRuleRequestSchema, { price: 5 })).toThrow(
      "price: is not a field here; there are server, tool, per_call",
    );
  });

  it.each([
    [{ limit: "many", status: "late" }, "status: must be one of"],
    [{ limit: "many" }, "limit: must be a whole number, 0 or more"],
    [{ limit: -1 }, "limit: must be a whole number, 0 or more"],
    [{ start_time: "yesterday" }, "start_time: must be a time, for example 2026-03-31T12:00:00Z"],
    [{ start_time: {}, mcp_server: 5 }, "start_time: must be a time"],
    [{ mcp_server: [] }, "mcp_server: must be text"],
  ])("says what %j must be", (json, words) => {
    expect(() => fromRestJson(ListCallsRequestSchema, json)).toThrow(words);
  });

  it("names all values of the wrong type, also inside of others", () => {
    expect(problemsOf({ server: 5, tool: false, per_call: 1 })).toEqual(["server", "tool"]);
    const team = { name: "a", slug: "a", rate_limit: { rps: "fast", burst: 1 } };
    expect(() => fromRestJson(CreateTeamRequestSchema, team)).toThrow(
      "rate_limit.rps: must be a whole number, 0 or more",
    );
    expect(() =>
      fromRestJson(CreateTeamRequestSchema, { ...team, rate_limit: { rpm: 1 } }),
    ).toThrow("rate_limit.rpm: is not a field here; there are rps, burst");
    expect(() => fromRestJson(CreateTeamRequestSchema, { ...team, rate_limit: "fast" })).toThrow(
      "rate_limit: must be an object",
    );
  });

  it("reads what toRestJson writes", () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 9n }),
        fc.string(),
        fc.integer({ min: 0, max: 4_000_000_000_000 }),
        (perCallUsdMicros, tool, time) => {
          const rule = create(PriceRuleSchema, {
            id: "x",
            tool,
            perCallUsdMicros,
            createTime: timestampFromMs(time),
          });
          const json = JSON.parse(JSON.stringify(toRestJson(PriceRuleSchema, rule))) as Parameters<
            typeof fromRestJson
          >[1];
          expect(fromRestJson(PriceRuleSchema, json)).toEqual(rule);
        },
      ),
    );
  });
});
