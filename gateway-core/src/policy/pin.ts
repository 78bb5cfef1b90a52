import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import type { KnownTool } from "../upstream/known-tools.ts";

/** Milliseconds for which calls of a tool with a changed definition say so in their records. */
const CHANGED_FOR_MS = 24 * 60 * 60_000;

/**
 * Compares a tool's definition with the one that is known.
 *
 * @param listedHash what the server itself listed last; undefined when this worker has not seen it
 * @returns NOT_CONFIGURED: none is known; OBSERVED: it changed within a day; PASSED
 */
export function pinOutcome(
  known: KnownTool | undefined,
  listedHash: string | undefined,
  nowMs: number,
): StageOutcome {
  if (!known || known.hash === "") return StageOutcome.NOT_CONFIGURED;
  const { hash, changeTimeMs } = known;
  const isChanged =
    (listedHash !== undefined && listedHash !== hash) ||
    (changeTimeMs !== undefined && nowMs - changeTimeMs < CHANGED_FOR_MS);
  return isChanged ? StageOutcome.OBSERVED : StageOutcome.PASSED;
}
