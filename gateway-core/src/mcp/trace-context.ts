import { hexOf, randomBytesPooled } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";

/** The trace a call belongs to. */
export type TraceContext = {
  /** 16 bytes. */
  readonly traceId: Buffer;
  /** 8 bytes: the gateway's span. */
  readonly spanId: Buffer;
  /** 8 bytes: the caller's span; EMPTY when the call is the root. */
  readonly parentSpanId: Buffer;
  /** The trace id in 32 hexadecimal digits. */
  readonly traceIdText: string;
  /** What is said of it to an MCP server (W3C Trace Context §3.2). */
  readonly traceparent: string;
};

/**
 * Continues the trace of a `traceparent` (W3C Trace Context §3.2), or begins one when there is none that is valid.
 */
export function traceContextFrom(traceparent: string | undefined): TraceContext {
  // Version ff is forbidden, and ids of zeros mean "none".
  if (traceparent === undefined || traceparent.length < 55 || !isTraceparent(traceparent))
    return newTrace();
  const spanId = randomBytesPooled(8);
  const traceIdText = traceparent.slice(3, 35);
  return {
    traceId: Buffer.from(traceIdText, "hex"),
    spanId,
    parentSpanId: Buffer.from(traceparent.slice(36, 52), "hex"),
    traceIdText,
    traceparent: `00-${traceIdText}-${hexOf(spanId)}-01`,
  };
}

function newTrace(): TraceContext {
  // Both ids at once: each step of a call's own costs more than the bytes.
  const ids = randomBytesPooled(24);
  const text = hexOf(ids);
  const traceIdText = text.slice(0, 32);
  return {
    traceId: ids.subarray(0, 16),
    spanId: ids.subarray(16),
    parentSpanId: EMPTY,
    traceIdText,
    traceparent: `00-${traceIdText}-${text.slice(32)}-01`,
  };
}

function isTraceparent(text: string): boolean {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-|$)/.exec(text);
  return (
    match !== null &&
    match[1] !== "ff" &&
    match[2] !== "0".repeat(32) &&
    match[3] !== "0".repeat(16) &&
    (match[1] !== "00" || text.length === 55)
  );
}
