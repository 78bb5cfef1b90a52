type Sized = { readonly size: number };
type Held = {
  readonly running: Sized;
  readonly parked: Sized;
  readonly asked: Sized;
  readonly calls: { readonly sessions: Sized };
  readonly sessions: { readonly remembered: number };
};

/** Gauges of what a worker holds between requests, all of it bounded: name → help and value. */
export function heldGauges({
  running,
  parked,
  asked,
  calls,
  sessions,
}: Held): Readonly<Record<string, readonly [string, () => number]>> {
  return {
    gateway_mcp_running_calls: [
      "Calls of translated sessions that their agents may cancel.",
      () => running.size,
    ],
    gateway_mcp_parked_calls: [
      "Calls of MCP servers that wait for an agent's next round.",
      () => parked.size,
    ],
    gateway_mcp_asked_agents: [
      "Questions of MCP servers that agents have not answered yet.",
      () => asked.size,
    ],
    gateway_mcp_server_sessions: [
      "Sessions of the gateway's own with MCP servers.",
      () => calls.sessions.size,
    ],
    gateway_mcp_remembered_sessions: [
      "Sessions of agents that a worker has in memory.",
      () => sessions.remembered,
    ],
  };
}
