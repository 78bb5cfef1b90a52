import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { Status } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { describe, expect, it } from "@jest/globals";

import {
  idKindOf,
  listingFields,
  narrows,
  needsSearch,
  searchFields,
  traceFilterFrom,
} from "./trace-filter.ts";

const NOTHING = {
  range: undefined,
  status: undefined,
  server: undefined,
  tool: undefined,
  min: undefined,
  max: undefined,
  cost: undefined,
};

describe("traceFilterFrom", () => {
  it("filters nothing without a query", () => {
    const filter = traceFilterFrom(NOTHING);
    expect(filter).toEqual({
      range: "1h",
      status: "",
      server: "",
      tool: "",
      minDurationMs: 0,
      maxDurationMs: 0,
      minCostUsdMicros: 0n,
    });
    expect(narrows(filter)).toBe(false);
  });

  it("ignores what makes no sense", () => {
    expect(traceFilterFrom({ ...NOTHING, range: "9y", status: "sad", min: "-4" })).toEqual(
      traceFilterFrom(NOTHING),
    );
    expect(traceFilterFrom({ ...NOTHING, min: "99999999999" }).minDurationMs).toBe(4_294_967_295);
  });

  it("searches only for what a listing cannot filter", () => {
    expect(needsSearch(traceFilterFrom({ ...NOTHING, status: "error" }))).toBe(false);
    expect(needsSearch(traceFilterFrom({ ...NOTHING, server: "everything" }))).toBe(true);
    expect(needsSearch(traceFilterFrom({ ...NOTHING, min: "200" }))).toBe(true);
    expect(needsSearch(traceFilterFrom({ ...NOTHING, cost: "0.000001" }))).toBe(true);
    expect(needsSearch(traceFilterFrom({ ...NOTHING, cost: "much" }))).toBe(false);
  });
});

describe("searchFields", () => {
  it("leaves out what has no bound, and takes costs exactly", () => {
    expect(searchFields(traceFilterFrom(NOTHING))).not.toHaveProperty("maxDurationMs");
    expect(searchFields(traceFilterFrom({ ...NOTHING, max: "20", cost: "0.25" }))).toMatchObject({
      maxDurationMs: 20,
      minCostUsdMicros: 250_000n,
    });
  });
});

describe("listingFields", () => {
  it("speaks the contract", () => {
    const now = Date.parse("2026-03-01T12:00:00Z");
    expect(listingFields(traceFilterFrom({ ...NOTHING, status: "timeout" }), now)).toEqual({
      startTime: timestampFromMs(now - 3_600_000),
      endTime: timestampFromMs(now),
      status: Status.TIMEOUT,
    });
  });
});

describe("idKindOf", () => {
  const hex = "0123456789abcdef0123456789abcdef";

  it.each([
    [hex, "trace"],
    [` ${hex.toUpperCase()} `, "trace"],
    ["01234567-89ab-cdef-0123-456789abcdef", "trace"],
    [`req_${hex}`, "request"],
    ["req_12", undefined],
    ["echo", undefined],
  ])("takes %s for %s", (text, kind) => {
    expect(idKindOf(text)).toBe(kind);
  });
});
