import type { CallLog } from "./call-log.ts";
import type { LogShipper } from "./shipper.ts";

/** The write-ahead log's gauges: name → help and value. */
export function logGauges(
  log: Pick<CallLog, "bytes" | "openCalls" | "lastCompletedSequence">,
  shipper: Pick<LogShipper, "shippedSequence">,
): Readonly<Record<string, readonly [string, () => number]>> {
  return {
    gateway_wal_bytes: [
      "Bytes of the write-ahead log that not every consumer has stored.",
      () => log.bytes,
    ],
    gateway_wal_open_calls: ["Calls begun and not ended.", () => log.openCalls],
    gateway_wal_unshipped_frames: [
      "Frames of the write-ahead log that are not in Redis yet.",
      () => Math.max(0, log.lastCompletedSequence - shipper.shippedSequence),
    ],
  };
}
