import { create } from "@bufbuild/protobuf";
import { UsagePointSchema } from "@gatewayops/proto/gatewayops/cost/v1/cost_service_pb";
import { describe, expect, it } from "@jest/globals";

import { formatPermille, usageFigures } from "./usage-figures.ts";

describe("usageFigures", () => {
  it("sums the steps exactly", () => {
    const points = [
      create(UsagePointSchema, { calls: 7n, errors: 1n, costUsdMicros: 100_001n }),
      create(UsagePointSchema),
      create(UsagePointSchema, { calls: 1n, errors: 0n, costUsdMicros: 200_002n }),
    ];
    expect(usageFigures(points)).toEqual({
      calls: 8n,
      errors: 1n,
      errorPermille: 125,
      costUsdMicros: 300_003n,
    });
  });

  it("has no share of errors without calls", () => {
    expect(usageFigures([]).errorPermille).toBe(0);
  });
});

describe("formatPermille", () => {
  it("never hides a single error", () => {
    expect(formatPermille(125, 1n)).toBe("12.5 %");
    expect(formatPermille(0, 0n)).toBe("0.0 %");
    expect(formatPermille(0, 1n)).toBe("< 0.1 %");
  });
});
