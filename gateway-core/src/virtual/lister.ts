import { CAPABILITIES_META, CLIENT_INFO_META } from "../mcp/envelope.ts";
import { memberText } from "../mcp/json-members.ts";
import type { McpExchange } from "../mcp/mcp-exchange.ts";
import type { Lister } from "./server-lists.ts";

/** Who lists, and what it can do: of a modern agent its request says so, of a legacy one its session. */
export function listerOf({ message, principal, session }: McpExchange): Lister {
  const common = { logLevel: undefined, traceparent: "" };
  if (session) {
    const params = Buffer.from(session.state.initializeParams);
    return {
      ...common,
      owner: session.id,
      capabilities: memberText(params, "capabilities") || "{}",
      clientInfo: memberText(params, "clientInfo") || undefined,
    };
  }
  const meta = (message.params["_meta"] ?? {}) as Readonly<Record<string, unknown>>;
  const info = meta[CLIENT_INFO_META];
  return {
    ...common,
    owner: principal.keyIdText,
    capabilities: JSON.stringify(meta[CAPABILITIES_META] ?? {}),
    clientInfo: info === undefined ? undefined : JSON.stringify(info),
  };
}
