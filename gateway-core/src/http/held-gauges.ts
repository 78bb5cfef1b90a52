import type { UpstreamRegistry } from "../upstream/registry.ts";

type Sized = { readonly size: number };

/** What a worker holds for longer than a request, all of it bounded. */
export type Held = {
  readonly streams: Sized;
  readonly running: Sized;
  readonly parked: Sized;
  readonly asked: Sized;
  readonly calls: { readonly sessions: Sized };
  readonly sessions: { readonly remembered: number };
};

/** Gauges of what is held and what waits: name → help and value. */
export function heldGauges(
  { streams, running, parked, asked, calls, sessions }: Held,
  upstreams: Pick<UpstreamRegistry, "counts">,
): Readonly<Record<string, readonly [string, () => number]>> {
  return {
    gateway_waiting_calls: [
      "Calls that wait for one in flight to the same MCP server to end.",
      () => upstreams.counts().waiting,
    ],
    gateway_open_streams: ["Streams that agents hold open.", () => streams.size],
    gateway_running_calls: ["Calls of sessions that their agents may cancel.", () => running.size],
    gateway_parked_calls: ["Calls that wait for their agent's next round.", () => parked.size],
    gateway_asked_agents: [
      "Questions of MCP servers that agents have not answered yet.",
      () => asked.size,
    ],
    gateway_server_sessions: [
      "Sessions of the gateway's own with MCP servers.",
      () => calls.sessions.size,
    ],
    gateway_remembered_sessions: [
      "Sessions of agents that a worker has in memory.",
      () => sessions.remembered,
    ],
    gateway_server_instances: [
      "Instances of MCP servers that DNS names.",
      () => upstreams.counts().instances,
    ],
    gateway_server_instances_ejected: [
      "Those of them that are left alone because they could not be connected to.",
      () => upstreams.counts().ejected,
    ],
  };
}
