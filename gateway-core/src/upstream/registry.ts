import { isIP } from "node:net";
import { Pool } from "undici";
import { ServerTransport, type McpServer } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import type { KnownTool } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";
import { UpstreamBreaker, type BreakerOptions } from "./breaker.ts";
import { Bulkhead, WorkerSlots, type BulkheadOptions } from "./bulkhead.ts";
import type { AddressGuard } from "./address-guard.ts";
import { createConnector } from "./connector.ts";
import { failureOfDispatch } from "./dispatch-errors.ts";
import { discover, type DnsClient, type Instance } from "./discovery.ts";
import { Endpoints } from "./endpoints.ts";
import { knownToolsFrom, type KnownTools } from "./known-tools.ts";
import type { Link } from "./link.ts";
import { ListedTools } from "./listed-tools.ts";
import { upstreamSettingsFrom } from "./upstream-settings.ts";
import { ToolIds, type Upstream } from "./upstream.ts";

/** Where the bridge listens, and what it wants to see. */
export type BridgeAddress = { readonly origin: string; readonly secret: string };

/** Headers of requests to the bridge: that the gateway sends them, for whom, and where they lead. */
export const BRIDGE_SECRET_HEADER = "x-gwo-bridge-secret";
export const UPSTREAM_URL_HEADER = "x-gwo-upstream-url";

export type RegistryOptions = {
  readonly breaker: BreakerOptions;
  readonly bulkhead: BulkheadOptions;
  /** Calls in flight to all servers together. */
  readonly inFlightMax: number;
  /** Milliseconds one answer may take when the server sets none: `mcp_servers.default_timeout`. */
  readonly defaultTimeoutMs: number;
  /** Bytes of one message from a server: `GWO_MAX_ANSWER_SIZE`. */
  readonly messageMaxBytes: number;
  /** Which addresses may be connected to. */
  readonly mayConnect: AddressGuard;
  /** How instances are found. Undefined: each server has the one address of its URL. */
  readonly discovery: { readonly dns: DnsClient; readonly intervalMs: number } | undefined;
  readonly now: () => number;
  /** Undefined: servers over stdio and HTTP+SSE are out of reach. */
  readonly bridge: BridgeAddress | undefined;
};

export type UpstreamRegistry = {
  /** The upstream of a registered server: connections and breaker stay the same until its URL changes. */
  upstreamOf(server: McpServer, tools: readonly KnownTool[]): Upstream;
  /** Calls that wait for one in flight to end; instances that DNS named, and how many of them are left alone. */
  counts(): { readonly waiting: number; readonly instances: number; readonly ejected: number };
  close(): Promise<void>;
};

type Kept = {
  readonly url: string;
  readonly link: Link;
  readonly breaker: UpstreamBreaker;
  readonly bulkhead: Bulkhead;
  readonly tools: ToolIds;
  readonly listed: ListedTools;
};

const CONNECT_TIMEOUT_MS = 5_000;
/** Milliseconds for the bridge to find out whether a server speaks HTTP+SSE; it takes 2 s itself. */
const BRIDGE_PROBE_MS = 5_000;

export function createUpstreamRegistry(options: RegistryOptions): UpstreamRegistry {
  const kept = new Map<string, Kept>();
  const slots = new WorkerSlots(options.inFlightMax);
  return {
    upstreamOf(server, tools) {
      const id = uuidFromText(server.id) ?? EMPTY;
      const known = knownToolsFrom(tools);
      const { link, breaker, bulkhead, tools: toolIds, listed } = keep(server, id, known);
      return {
        id,
        idText: server.id,
        orgIdText: server.orgId,
        name: server.name,
        enabled: server.enabled,
        timeoutMs: server.timeoutMs || options.defaultTimeoutMs,
        messageMaxBytes: options.messageMaxBytes,
        link,
        breaker,
        bulkhead,
        tools: toolIds,
        settings: upstreamSettingsFrom(server.settings),
        known,
        listed,
      };
    },
    counts() {
      let waiting = 0;
      let instances = 0;
      let ejected = 0;
      for (const { bulkhead, link } of kept.values()) {
        waiting += bulkhead.waiting;
        const counts = link.endpoints?.counts;
        instances += counts?.known ?? 0;
        ejected += counts?.ejected ?? 0;
      }
      return { waiting, instances, ejected };
    },
    async close() {
      for (const { breaker } of kept.values()) breaker.shutdown();
      await Promise.all([...kept.values()].map(({ link }) => closeLink(link)));
    },
  };

  function keep(server: McpServer, id: Buffer, tools: KnownTools): Kept {
    const url = urlOf(server, options.bridge);
    const known = kept.get(server.id);
    if (known?.url === url.href) {
      known.tools.learn(tools.keys());
      return known;
    }
    // The old pool finishes what it has; nobody waits for it.
    if (known) void closeLink(known.link);
    known?.breaker.shutdown();
    const fresh: Kept = {
      url: url.href,
      link: linkTo(server, url),
      breaker: new UpstreamBreaker(options.breaker),
      bulkhead: new Bulkhead(server.name, options.bulkhead, slots),
      tools: new ToolIds(id, tools.keys()),
      listed: new ListedTools(),
    };
    kept.set(server.id, fresh);
    return fresh;
  }

  function endpointsOf(url: URL, open: (to: Instance) => Pool): Endpoints | undefined {
    const { discovery, now } = options;
    const isName = isIP(url.hostname.replace(/^\[|\]$/g, "")) === 0;
    if (!discovery || !isName || url.hostname === "localhost") return undefined;
    return new Endpoints({
      discover: () => discover(url, discovery.dns),
      open,
      intervalMs: discovery.intervalMs,
      now,
      random: Math.random,
    });
  }

  function linkTo(server: McpServer, url: URL): Link {
    const isBridged = server.transport === ServerTransport.STDIO;
    const { bridge } = options;
    const timeoutMs = Math.min(CONNECT_TIMEOUT_MS, server.timeoutMs || options.defaultTimeoutMs);
    const open = (to: Instance | undefined): Pool =>
      poolTo(url.origin, {
        timeoutMs,
        // The bridge is ours, on loopback.
        mayConnect: isBridged ? () => true : options.mayConnect,
        // A name that DNS does not know is resolved by the system.
        to: to && isIP(to.address) !== 0 ? to : undefined,
      });
    const link: Link = {
      pool: open(undefined),
      endpoints: isBridged ? undefined : endpointsOf(url, open),
      path: `${url.pathname}${url.search}`,
      headers: isBridged && bridge ? bridgeHeaders(bridge, server) : [],
      isBridged,
      era: undefined,
      probedAt: 0,
      probing: undefined,
      toBridge: bridge && !isBridged ? () => turnToBridge(link, server, bridge) : undefined,
      mirrors: undefined,
    };
    return link;
  }

  /** Turns a link to the bridge when the bridge finds HTTP+SSE at the server's URL (MCP 2024-11-05 basic/transports). */
  async function turnToBridge(link: Link, server: McpServer, bridge: BridgeAddress): Promise<void> {
    if (link.isBridged) return;
    const pool = poolTo(bridge.origin, {
      timeoutMs: CONNECT_TIMEOUT_MS,
      mayConnect: () => true,
      to: undefined,
    });
    const headers = [...bridgeHeaders(bridge, server), UPSTREAM_URL_HEADER, server.url];
    const path = "/sse";
    const status = await statusOf(pool, { path, headers }).catch(async (error: unknown) => {
      await pool.destroy();
      throw failureOfDispatch(error as Error, { name: server.name, timeoutMs: BRIDGE_PROBE_MS });
    });
    // Several requests may find it out at once.
    if (status !== 204 || (link as { readonly isBridged: boolean }).isBridged) {
      await pool.close();
      return;
    }
    void closeLink(link);
    Object.assign(link, { pool, endpoints: undefined, path, headers, isBridged: true });
  }
}

async function statusOf(
  pool: Pool,
  request: { readonly path: string; readonly headers: string[] },
): Promise<number> {
  const { statusCode, body } = await pool.request({
    ...request,
    method: "HEAD",
    headersTimeout: BRIDGE_PROBE_MS,
    bodyTimeout: BRIDGE_PROBE_MS,
  });
  await body.dump();
  return statusCode;
}

function poolTo(origin: string, connect: Parameters<typeof createConnector>[0]): Pool {
  return new Pool(origin, {
    // As many as there are calls in flight and open streams, which are bounded elsewhere.
    connections: null,
    connect: createConnector(connect),
    allowH2: false,
    keepAliveTimeout: 4_000,
  });
}

async function closeLink({ pool, endpoints }: Link): Promise<void> {
  await Promise.all([pool.close(), endpoints?.close()]);
}

function bridgeHeaders(bridge: BridgeAddress, server: McpServer): string[] {
  return [BRIDGE_SECRET_HEADER, bridge.secret, "x-gwo-org", server.orgId];
}

function urlOf(server: McpServer, bridge: BridgeAddress | undefined): URL {
  if (server.transport !== ServerTransport.STDIO) return new URL(server.url);
  if (!bridge)
    throw new Failure(
      "UPSTREAM_UNREACHABLE",
      `No stdio server is configured here, so ${server.name} cannot be reached. List it under mcp_servers.stdio in config.yaml.`,
    );
  return new URL(`/${encodeURIComponent(server.url.slice("stdio:".length))}`, bridge.origin);
}
