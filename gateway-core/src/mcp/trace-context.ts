import { randomBytesPooled } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";

/** The trace a call belongs to. */
export type TraceContext = {
  /** 16 bytes. */
  readonly traceId: Buffer;
  /** 8 bytes: the gateway's span. */
  readonly spanId: Buffer;
  /** 8 bytes: the caller's span; EMPTY when the call is the root. */
  readonly parentSpanId: Buffer;
};

/**
 * Continues the trace of a `traceparent` (W3C Trace Context §3.2), or begins one when there is none that is valid.
 */
export function traceContextFrom(traceparent: string | undefined): TraceContext {
  const spanId = randomBytesPooled(8);
  // Version ff is forbidden, and ids of zeros mean "none".
  if (traceparent === undefined || traceparent.length < 55 || !isTraceparent(traceparent))
    return { traceId: randomBytesPooled(16), spanId, parentSpanId: EMPTY };
  return {
    traceId: Buffer.from(traceparent.slice(3, 35), "hex"),
    spanId,
    parentSpanId: Buffer.from(traceparent.slice(36, 52), "hex"),
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
