import type { Price, Usage } from "../control/price.ts";
import { estimatedTokens } from "../events/record.ts";
import type { CallMetrics } from "../http/call-metrics.ts";
import type { ReportedCost } from "../mcp/reported-cost.ts";

/** What is measured of a call that has ended, and what its answer says of its price. */
export type Charged = Pick<Usage, "requestBytes" | "responseBytes" | "durationUs"> & {
  readonly reported: ReportedCost;
};

/** What a call that has ended costs, in micro-USD: by its record's figures, or as a server reports that is trusted. */
export function costOfCall(
  price: Price,
  call: Charged,
  metrics: Pick<CallMetrics, "reportedCost">,
): bigint {
  const { requestBytes, responseBytes, durationUs, reported } = call;
  if (price.honoursReported) metrics.reportedCost(useOf(reported, price.maxUsdMicros));
  return price.costOf({
    requestBytes,
    responseBytes,
    inputTokens: estimatedTokens(requestBytes),
    outputTokens: estimatedTokens(responseBytes),
    durationUs,
    reportedUsdMicros: typeof reported === "bigint" ? reported : undefined,
  });
}

/** What became of a price that a server may report. */
export type ReportUse = "used" | "capped" | "invalid" | "absent";

function useOf(reported: ReportedCost, maxUsdMicros: bigint): ReportUse {
  if (reported === undefined) return "absent";
  if (reported === "invalid") return "invalid";
  return reported > maxUsdMicros ? "capped" : "used";
}
