import type { UpstreamRegistry } from "../upstream/registry.ts";

/** What a worker holds for longer than a request. */
export type Held = {
  readonly streams: { readonly size: number };
  readonly parked: { readonly size: number };
  readonly sessions: { readonly size: number };
  readonly upstreams: Pick<UpstreamRegistry, "counts">;
};

/** Gauges of what is held and what waits: name → help and value. */
export function heldGauges({
  streams,
  parked,
  sessions,
  upstreams,
}: Held): Readonly<Record<string, readonly [string, () => number]>> {
  return {
    gateway_waiting_calls: [
      "Calls that wait for one in flight to the same MCP server to end.",
      () => upstreams.counts().waiting,
    ],
    gateway_open_streams: ["Streams that agents hold open.", () => streams.size],
    gateway_parked_calls: ["Calls that wait for their agent's answer.", () => parked.size],
    gateway_server_sessions: [
      "Sessions of the gateway's own with MCP servers.",
      () => sessions.size,
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
