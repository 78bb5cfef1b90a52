import { StageOutcome } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { Failure } from "@gatewayops/platform/errors";
import { unknownServer } from "../control/directory.ts";
import type { Principal } from "../control/principal.ts";
import type { McpMessage } from "../mcp/message.ts";
import type { Verdict } from "../policy/access.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { accessedBy, type Accessed } from "./accessed.ts";

// Posture: closed. What the scopes of the key and its team do not name is refused; no service is asked here.

/** What the stage came to. */
export type Authorization = {
  readonly outcome: StageOutcome;
  /** Set when the message is refused. */
  readonly refusal: Failure | undefined;
};

const PASSED: Authorization = { outcome: StageOutcome.PASSED, refusal: undefined };
const OBSERVED: Authorization = { outcome: StageOutcome.OBSERVED, refusal: undefined };

/** Whether the key may send a message. Scopes may only observe; what is switched off is refused all the same. */
export function authorize(
  principal: Principal,
  upstream: Upstream,
  message: McpMessage,
): Authorization {
  const { access } = principal;
  const onServer = access.server(upstream.name);
  // A server that the key may not reach is a server that does not exist, so that names cannot be guessed.
  if (onServer === "refused")
    return refused(new Failure("SERVER_UNKNOWN", unknownServer(upstream.name)));
  if (!upstream.enabled)
    return refused(
      new Failure(
        "SERVER_DISABLED",
        `The MCP server ${upstream.name} is switched off. An administrator can switch it on.`,
      ),
    );
  let isObserved = onServer === "observed";
  for (const accessed of accessedBy(message)) {
    const verdict = verdictOn(principal, upstream, accessed);
    if (verdict === "refused") return refused(scopeDenied(principal, upstream, accessed));
    if (accessed.kind === "tool" && upstream.known.get(accessed.name)?.isEnabled === false)
      return refused(
        new Failure(
          "TOOL_DISABLED",
          `The tool ${upstream.name}/${accessed.name} is switched off. An administrator can switch it on.`,
        ),
      );
    isObserved ||= verdict === "observed";
  }
  return isObserved ? OBSERVED : PASSED;
}

function refused(refusal: Failure): Authorization {
  return { outcome: StageOutcome.REFUSED, refusal };
}

function verdictOn({ access }: Principal, { name: server }: Upstream, { kind, name }: Accessed) {
  return access[kind](server, name) satisfies Verdict;
}

function scopeDenied({ keyName }: Principal, upstream: Upstream, { kind, name }: Accessed) {
  return new Failure(
    "SCOPE_DENIED",
    `The API key ${JSON.stringify(keyName)} may not ${DOES[kind]} ${upstream.name}/${name.slice(0, 128)}. ` +
      "Ask an administrator to add it to the scopes of the key and its team.",
  );
}

const DOES = { tool: "call", resource: "read", template: "read", prompt: "get" } as const;
