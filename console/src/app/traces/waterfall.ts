import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Span } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";

/** A span with its place in the waterfall. */
export interface WaterfallRow {
  readonly span: Span;
  /** 0 for a root. */
  readonly depth: number;
  /** From the trace's beginning to the span's, in microseconds. */
  readonly offsetUs: number;
  /** Place of the bar in percent of the whole width. */
  readonly leftPercent: number;
  readonly widthPercent: number;
}

/** Spans as a tree written line by line, on a common time axis. */
export interface Waterfall {
  readonly rows: readonly WaterfallRow[];
  /** From the first beginning to the last end, in microseconds. */
  readonly totalUs: number;
  /** Marks of the axis, in microseconds, beginning with 0. */
  readonly ticksUs: readonly number[];
}

type TimedSpan = Pick<Span, "spanId" | "parentSpanId" | "startTime" | "durationUs">;

const MAX_TICKS = 6;

/**
 * Lays spans out: children below their parent, siblings by time. A span whose parent is not there is a root, so that
 * no span is lost when a page of them is missing, and neither is one that claims to be its own ancestor.
 */
export function layOutWaterfall(spans: readonly Span[]): Waterfall {
  const startUs = new Map(spans.map((span) => [span, microseconds(span.startTime)]));
  const start = (span: Span): number => startUs.get(span) ?? 0;
  const firstUs = spans.reduce((least, span) => Math.min(least, start(span)), Infinity);
  const lastUs = spans.reduce(
    (most, span) => Math.max(most, start(span) + durationUs(span)),
    -Infinity,
  );
  const totalUs = spans.length === 0 ? 0 : lastUs - firstUs;
  const percent = (us: number): number => (totalUs === 0 ? 0 : (us / totalUs) * 100);

  const rows = inTreeOrder(spans, (a, b) => start(a) - start(b)).map(({ span, depth }) => {
    const offsetUs = start(span) - firstUs;
    return {
      span,
      depth,
      offsetUs,
      leftPercent: percent(offsetUs),
      widthPercent: totalUs === 0 ? 100 : percent(durationUs(span)),
    };
  });
  return { rows, totalUs, ticksUs: ticks(totalUs) };
}

interface Placed {
  readonly span: Span;
  readonly depth: number;
}

function inTreeOrder(spans: readonly Span[], byTime: (a: Span, b: Span) => number): Placed[] {
  const ids = new Set(spans.map((span) => span.spanId));
  const children = new Map<string, Span[]>();
  const roots: Span[] = [];
  for (const span of [...spans].sort(byTime)) {
    if (!ids.has(span.parentSpanId)) {
      roots.push(span);
      continue;
    }
    const siblings = children.get(span.parentSpanId);
    if (siblings === undefined) children.set(span.parentSpanId, [span]);
    else siblings.push(span);
  }

  const placed: Placed[] = [];
  const seen = new Set<Span>();
  const place = (root: Span): void => {
    // A stack of its own: a trace may be deeper than the engine's.
    const open: Placed[] = [{ span: root, depth: 0 }];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { span, depth } = next;
      if (seen.has(span)) continue;
      seen.add(span);
      placed.push(next);
      const below = children.get(span.spanId) ?? [];
      for (const child of below.toReversed()) open.push({ span: child, depth: depth + 1 });
    }
  };
  roots.forEach(place);
  // What is left hangs in a circle.
  for (const span of spans) if (!seen.has(span)) place(span);
  return placed;
}

/** Marks at 1, 2 or 5 times a power of ten, at most six. */
function ticks(totalUs: number): number[] {
  if (totalUs <= 0) return [0];
  const least = totalUs / (MAX_TICKS - 1);
  const power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= least) ?? least;
  const marks: number[] = [];
  for (let at = 0; at <= totalUs; at += step) marks.push(at);
  return marks;
}

function durationUs(span: TimedSpan): number {
  return Math.max(0, Number(span.durationUs));
}

/** Microseconds since the epoch: exact in a number until the year 2255. */
function microseconds(time: Timestamp | undefined): number {
  if (time === undefined) return 0;
  return Number(time.seconds * 1_000_000n + BigInt(Math.floor(time.nanos / 1_000)));
}
