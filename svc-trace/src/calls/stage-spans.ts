import { hash } from "node:crypto";
import { stageName, stageOutcomeName } from "@gatewayops/platform/streams/consumer-records";
import { Stage, StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";

/** Operation of the span of a whole call. */
export const CALL_OPERATION = "gateway.request";

/** A stage that has a span of its own. */
export type SpannedStage = { readonly stage: Stage; readonly operation: string };

/** By name; the specification names the operations of authentication, limits and the upstream. */
const SPANNED_STAGES: ReadonlyMap<string, SpannedStage> = new Map(
  [
    { stage: Stage.AUTHENTICATE, operation: "gateway.auth" },
    { stage: Stage.ROUTE, operation: "gateway.route" },
    { stage: Stage.AUTHORIZE, operation: "gateway.authorize" },
    { stage: Stage.RATE_LIMIT, operation: "gateway.rate_limit" },
    { stage: Stage.BUDGET, operation: "gateway.budget" },
    { stage: Stage.UPSTREAM, operation: "gateway.mcp_proxy" },
    { stage: Stage.PRICE, operation: "gateway.price" },
  ].map((spanned) => [stageName(spanned.stage), spanned]),
);

const DID_NOTHING: ReadonlySet<string> = new Set([
  stageOutcomeName(StageOutcome.UNSPECIFIED),
  stageOutcomeName(StageOutcome.NOT_CONFIGURED),
]);

/**
 * The span of a stage as the call's record names it, undefined when it has none: one that nothing is configured for
 * only takes its time.
 */
export function spannedStage(name: string, outcome: string): SpannedStage | undefined {
  return DID_NOTHING.has(outcome) ? undefined : SPANNED_STAGES.get(name);
}

/**
 * Id of a stage's span: the first 8 bytes of SHA-256(call id in 16 bytes || number of the stage in one byte),
 * big-endian. Never 0.
 */
export function stageSpanId(callId: Uint8Array, stage: Stage): bigint {
  const id = hash("sha256", Buffer.concat([callId, Uint8Array.of(stage)]), "buffer");
  const number = id.readBigUInt64BE(0);
  return number === 0n ? 1n : number;
}
