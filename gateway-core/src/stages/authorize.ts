import { Failure } from "@gatewayops/platform/errors";
import { unknownServer } from "../control/directory.ts";
import type { Principal } from "../control/principal.ts";
import type { McpMessage } from "../mcp/message.ts";
import type { Upstream } from "../upstream/upstream.ts";

// Posture: closed. What the key's scopes do not name is refused; no service is asked here.

/** The refusal of a message, undefined when the key may send it. */
export function refusalOf(
  principal: Principal,
  upstream: Upstream,
  message: McpMessage,
): Failure | undefined {
  // A server that the key may not reach is a server that does not exist, so that names cannot be guessed.
  if (!principal.scopes.allowsServer(upstream.name))
    return new Failure("SERVER_UNKNOWN", unknownServer(upstream.name));
  if (!upstream.enabled)
    return new Failure(
      "SERVER_DISABLED",
      `The MCP server ${upstream.name} is switched off. An administrator can switch it on.`,
    );
  if (
    message.method === "tools/call" &&
    !principal.scopes.allowsTool(upstream.name, message.target)
  )
    return new Failure(
      "SCOPE_DENIED",
      `The API key ${JSON.stringify(principal.keyName)} may not call ${upstream.name}/${message.target.slice(0, 128)}. Ask an administrator to add it to the key's scopes.`,
    );
  return undefined;
}
