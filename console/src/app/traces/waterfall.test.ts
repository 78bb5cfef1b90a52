import { create } from "@bufbuild/protobuf";
import { SpanSchema, type Span } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { describe, expect, it } from "@jest/globals";

import { layOutWaterfall } from "./waterfall.ts";

const START_SECONDS = 1_770_000_000n;

function span(spanId: string, parentSpanId: string, startUs: number, durationUs: number): Span {
  return create(SpanSchema, {
    spanId,
    parentSpanId,
    startTime: { seconds: START_SECONDS, nanos: startUs * 1_000 },
    durationUs: BigInt(durationUs),
  });
}

const order = (spans: Span[]): string[] =>
  layOutWaterfall(spans).rows.map((row) => `${"  ".repeat(row.depth)}${row.span.spanId}`);

describe("layOutWaterfall", () => {
  it("puts children below their parent and siblings in order of time", () => {
    expect(
      order([
        span("late", "root", 700, 100),
        span("deep", "early", 150, 20),
        span("root", "", 0, 1_000),
        span("early", "root", 100, 200),
      ]),
    ).toEqual(["root", "  early", "    deep", "  late"]);
  });

  it("places bars in percent of the whole trace", () => {
    const { rows, totalUs } = layOutWaterfall([
      span("root", "", 500, 1_000),
      span("child", "root", 750, 250),
    ]);
    expect(totalUs).toBe(1_000);
    expect(rows).toMatchObject([
      { offsetUs: 0, leftPercent: 0, widthPercent: 100 },
      { offsetUs: 250, leftPercent: 25, widthPercent: 25 },
    ]);
  });

  it("counts a child that outlives its parent", () => {
    expect(layOutWaterfall([span("a", "", 0, 100), span("b", "a", 50, 150)]).totalUs).toBe(200);
  });

  it("makes a root of a span whose parent is missing", () => {
    expect(order([span("orphan", "gone", 10, 5), span("root", "", 0, 20)])).toEqual([
      "root",
      "orphan",
    ]);
  });

  it("loses no span of a circle", () => {
    expect(order([span("a", "b", 0, 1), span("b", "a", 1, 1)])).toEqual(["a", "  b"]);
    expect(order([span("self", "self", 0, 1)])).toEqual(["self"]);
  });

  it("marks the axis at round times", () => {
    expect(layOutWaterfall([span("a", "", 0, 1_000)]).ticksUs).toEqual([
      0, 200, 400, 600, 800, 1_000,
    ]);
    expect(layOutWaterfall([span("a", "", 0, 1_234)]).ticksUs).toEqual([0, 500, 1_000]);
  });

  it("shows a trace without length as one full bar", () => {
    const { rows, totalUs, ticksUs } = layOutWaterfall([span("a", "", 5, 0)]);
    expect(totalUs).toBe(0);
    expect(ticksUs).toEqual([0]);
    expect(rows).toMatchObject([{ leftPercent: 0, widthPercent: 100 }]);
  });

  it("takes no spans", () => {
    expect(layOutWaterfall([])).toEqual({ rows: [], totalUs: 0, ticksUs: [0] });
  });
});
