import type { Call } from "@gatewayops/proto/gatewayops/trace/v1/trace_service_pb";
import { timestampMs } from "@bufbuild/protobuf/wkt";

/** When a call was over, in milliseconds since 1970. */
export function endMs(call: Call): number {
  const began = call.startTime === undefined ? 0 : timestampMs(call.startTime);
  return began + Number(call.durationUs) / 1000;
}

/** Milliseconds that a record may come later than one of a call that ended after it. */
const LATE_MS = 30_000;

/** Tells new records from those seen, over answers that overlap. */
export type Follower = {
  /** From when on records are to be asked for, in milliseconds since 1970. */
  since(): number;
  /** The calls of an answer that were not seen before, in the order in which they ended. */
  take(calls: readonly Call[]): Call[];
};

/**
 * Follows a list of calls that grows at its end but not strictly so: a slow consumer records some
 * calls later than others, so each answer overlaps the one before by half a minute.
 */
export function createFollower(startMs: number): Follower {
  const seen = new Map<string, number>();
  let newest = startMs;
  return {
    since: () => Math.max(startMs, newest - LATE_MS),
    take(calls) {
      const fresh = calls.filter(({ requestId }) => !seen.has(requestId));
      for (const call of fresh) {
        const end = endMs(call);
        seen.set(call.requestId, end);
        newest = Math.max(newest, end);
      }
      for (const [requestId, end] of seen) if (end < newest - 20 * LATE_MS) seen.delete(requestId);
      return [...fresh].sort((a, b) => endMs(a) - endMs(b));
    },
  };
}
