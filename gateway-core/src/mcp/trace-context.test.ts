import { describe, expect, it } from "@jest/globals";
import { traceContextFrom } from "./trace-context.ts";

// Examples of W3C Trace Context §3.2.2 and §3.2.3.
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID = "00f067aa0ba902b7";

const isContinued = (traceparent: string | undefined): boolean => {
  const { traceId, spanId, parentSpanId } = traceContextFrom(traceparent);
  expect(traceId).toHaveLength(16);
  expect(spanId).toHaveLength(8);
  return traceId.toString("hex") === TRACE_ID && parentSpanId.toString("hex") === PARENT_ID;
};

describe("traceContextFrom", () => {
  it("continues the traces of the specification's examples", () => {
    expect(isContinued(`00-${TRACE_ID}-${PARENT_ID}-01`)).toBe(true);
    expect(isContinued(`00-${TRACE_ID}-${PARENT_ID}-00`)).toBe(true);
  });

  it("makes a span of its own in a trace it continues", () => {
    const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`;
    const first = traceContextFrom(traceparent);
    const second = traceContextFrom(traceparent);
    expect(first.spanId.equals(second.spanId)).toBe(false);
    expect(first.spanId.toString("hex")).not.toBe(PARENT_ID);
  });

  it("begins a trace without parent when there is none", () => {
    const first = traceContextFrom(undefined);
    const second = traceContextFrom(undefined);
    expect(first.parentSpanId).toHaveLength(0);
    expect(first.traceId).toHaveLength(16);
    expect(first.traceId.equals(second.traceId)).toBe(false);
  });

  it.each([
    ["empty", ""],
    ["version ff, which is forbidden", `ff-${TRACE_ID}-${PARENT_ID}-01`],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${PARENT_ID}-01`],
    ["a parent id of zeros", `00-${TRACE_ID}-${"0".repeat(16)}-01`],
    ["upper-case digits", `00-${TRACE_ID.toUpperCase()}-${PARENT_ID}-01`],
    ["a trace id that is too short", `00-${TRACE_ID.slice(1)}-${PARENT_ID}-01`],
    ["a trace id that is too long", `00-${TRACE_ID}0-${PARENT_ID}-01`],
    ["no flags", `00-${TRACE_ID}-${PARENT_ID}`],
    ["flags of one digit", `00-${TRACE_ID}-${PARENT_ID}-1`],
    ["version 00 with more behind it", `00-${TRACE_ID}-${PARENT_ID}-01-extra`],
    ["version 00 with a dash behind it", `00-${TRACE_ID}-${PARENT_ID}-01-`],
    ["white space before it", ` 00-${TRACE_ID}-${PARENT_ID}-01`],
    ["a line break behind it", `00-${TRACE_ID}-${PARENT_ID}-01\n`],
    ["digits that are not hexadecimal", `00-${TRACE_ID.replace("4", "g")}-${PARENT_ID}-01`],
    ["two values joined", `00-${TRACE_ID}-${PARENT_ID}-01, 00-${TRACE_ID}-${PARENT_ID}-01`],
  ])("begins a new trace when traceparent has %s", (_, traceparent) => {
    expect(isContinued(traceparent)).toBe(false);
    expect(traceContextFrom(traceparent).parentSpanId).toHaveLength(0);
  });

  it("takes what it knows of a version it does not know (§3.2.4)", () => {
    expect(isContinued(`cc-${TRACE_ID}-${PARENT_ID}-01`)).toBe(true);
    expect(isContinued(`cc-${TRACE_ID}-${PARENT_ID}-01-what-the-future-will-be-like`)).toBe(true);
    expect(isContinued(`cc-${TRACE_ID}-${PARENT_ID}-01.what-the-future-will-not-be-like`)).toBe(
      false,
    );
  });
});
