import { describe, expect, it } from "@jest/globals";
import { Status } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { filterFields, statusFrom } from "./filter-flags.ts";

describe("statusFrom", () => {
  it("knows the statuses, and says so of others", () => {
    expect(statusFrom("timeout")).toBe(Status.TIMEOUT);
    expect(statusFrom(undefined)).toBe(Status.UNSPECIFIED);
    expect(() => statusFrom("fine")).toThrow("--status fine is not known");
  });
});

describe("filterFields", () => {
  it("asks for anything when nothing is said", () => {
    const fields = filterFields({});
    expect(fields).toMatchObject({ mcpServer: "", minDurationMs: 0, minCostUsdMicros: 0n });
    expect(fields).not.toHaveProperty("maxDurationMs");
    expect(fields).not.toHaveProperty("maxCostUsdMicros");
  });

  it("takes milliseconds, and US dollars as exact amounts; 0 at most is a bound as well", () => {
    const flags = { minDuration: "250", maxDuration: "0", minCost: "0.000001", maxCost: "1.5" };
    expect(filterFields(flags)).toMatchObject({
      minDurationMs: 250,
      maxDurationMs: 0,
      minCostUsdMicros: 1n,
      maxCostUsdMicros: 1_500_000n,
    });
  });

  it.each([
    [{ minDuration: "1s" }, "--min-duration 1s"],
    [{ maxDuration: "4294967296" }, "--max-duration 4294967296"],
    [{ minCost: "-1" }, "--min-cost -1"],
    [{ maxCost: "0.0000001" }, "--max-cost 0.0000001"],
  ])("says what is wrong with %j", (flags, problem) => {
    expect(() => filterFields(flags)).toThrow(problem);
  });
});
