import { isReason, REASONS, type Advice } from "@gatewayops/platform/errors";

const BY_ADVICE: Readonly<Record<Advice, string>> = {
  fix: "Change the request: the message says what is wrong with it.",
  authenticate: "Send a valid key as `Authorization: Bearer gwo_…`; gwo keys create makes one.",
  ask: "Ask an administrator for access.",
  wait: "Wait a moment and try again.",
  retry: "Try again; whether the tool ran before is not known, so only if it may run twice.",
  report: "Tell an operator; the gateway's log has the request id.",
};

/** More exact words where the reason says more than its advice. */
const BY_REASON: Readonly<Record<string, string>> = {
  SERVER_UNKNOWN:
    "Use a registered name: gwo servers list. Register one: gwo servers add NAME URL.",
  SERVER_DISABLED: "An administrator switched the server off: gwo servers enable NAME.",
  TOOL_DISABLED: "An administrator switched the tool off: gwo servers tools enable SERVER TOOL.",
  KEY_SUSPENDED: "An administrator suspended the key: gwo keys resume ID.",
  SCOPE_DENIED:
    "Use a key whose scopes hold this server and tool: gwo keys list, gwo keys create --server NAME.",
  KEY_REVOKED: "Use another key: gwo keys create makes one.",
  KEY_EXPIRED: "Use another key: gwo keys create makes one.",
  RATE_LIMITED: "Slow down, or use a key with a higher limit: gwo keys create --rps N --burst N.",
  UPSTREAM_UNREACHABLE: "Start the MCP server, or correct its URL: gwo servers list.",
  UPSTREAM_TIMEOUT: "The MCP server was too slow: look at it, or give it more time (its time-out).",
  UPSTREAM_NOT_MCP:
    "Something else than an MCP server answers at the server's URL: gwo servers list.",
  UPSTREAM_CIRCUIT_OPEN:
    "The MCP server failed repeatedly and is left alone for a while. Look at it, then wait.",
  TOOL_FAILED: "The tool itself says that it failed; its answer says why.",
  UPSTREAM_RPC_ERROR: "The MCP server refused the request; its answer says why.",
  WORKER_LOST:
    "A gateway process died during the call. The tool may have run: look before you repeat it.",
  CLIENT_GONE: "The agent closed the connection before the answer was complete.",
};

/** What to do about a reason, in words. */
export function whatToDo(reason: string): string {
  const exact = BY_REASON[reason];
  if (exact !== undefined) return exact;
  return isReason(reason) ? BY_ADVICE[REASONS[reason].advice] : "Tell an operator.";
}
