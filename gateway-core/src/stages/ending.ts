import { Outcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { REASONS, type Failure } from "@gatewayops/platform/errors";
import type { ReportedCost } from "../mcp/reported-cost.ts";

/** How an exchange with an MCP server ended. */
export type Ending = {
  readonly outcome: Outcome;
  readonly httpStatus: number;
  readonly rpcCode: number;
  readonly failure: Failure | undefined;
  /** True when the server asks for more before it completes: the agent's next request goes on with the call. */
  readonly isRound?: boolean;
  /** What the answer says that the call costs; read where the call's price asks for it only. */
  readonly reportedCost?: ReportedCost;
};

/** The ending of an exchange that failed here. */
export function endingFrom(failure: Failure): Ending {
  return { outcome: outcomeOf(failure), httpStatus: failure.spec.http, rpcCode: 0, failure };
}

/**
 * A call is charged when the server answered it with a result, be it that the tool failed. Of a call of several rounds
 * only the one that completes is.
 */
export function isCharged(ending: Ending | undefined): boolean {
  if (!ending || ending.isRound === true) return false;
  return ending.outcome === Outcome.OK || ending.outcome === Outcome.TOOL_ERROR;
}

/** Number of the reason in the record. What a server's own answer says of a failure has one as well. */
export function reasonOf({ failure, outcome }: Ending): number {
  if (outcome === Outcome.TOOL_ERROR) return REASONS.TOOL_FAILED.number;
  if (outcome === Outcome.RPC_ERROR) return REASONS.UPSTREAM_RPC_ERROR.number;
  return failure?.spec.number ?? 0;
}

/** The status that metrics count an ending as. */
export function statusOf(outcome: Outcome): RequestStatus {
  switch (outcome) {
    case Outcome.OK:
      return "success";
    case Outcome.TIMEOUT:
      return "timeout";
    case Outcome.REFUSED:
      return "refused";
    case Outcome.CANCELLED:
      return "cancelled";
    default:
      return "error";
  }
}

export type RequestStatus = "success" | "error" | "timeout" | "refused" | "cancelled";

function outcomeOf(failure: Failure): Outcome {
  switch (failure.reason) {
    case "UPSTREAM_TIMEOUT":
      return Outcome.TIMEOUT;
    case "CLIENT_GONE":
      return Outcome.CANCELLED;
    case "UPSTREAM_UNREACHABLE":
    case "UPSTREAM_CLOSED":
    case "UPSTREAM_NOT_MCP":
    case "UPSTREAM_HTTP_ERROR":
    case "UPSTREAM_TOO_LARGE":
    case "INTERNAL":
      return Outcome.UPSTREAM_ERROR;
    default:
      return Outcome.REFUSED;
  }
}
