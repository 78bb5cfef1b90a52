import { Pool } from "undici";
import { ServerTransport, type McpServer } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import type { KnownTool } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";
import { UpstreamBreaker, type BreakerOptions } from "./breaker.ts";
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
  /** Connections to one server. */
  readonly connections: number;
  /** Milliseconds one answer may take when the server sets none: `mcp_servers.default_timeout`. */
  readonly defaultTimeoutMs: number;
  /** Undefined: servers over stdio and HTTP+SSE are out of reach. */
  readonly bridge: BridgeAddress | undefined;
};

export type UpstreamRegistry = {
  /** The upstream of a registered server: connections and breaker stay the same until its URL changes. */
  upstreamOf(server: McpServer, tools: readonly KnownTool[]): Upstream;
  close(): Promise<void>;
};

type Kept = {
  url: string;
  link: Link;
  breaker: UpstreamBreaker;
  tools: ToolIds;
  listed: ListedTools;
};

const CONNECT_TIMEOUT_MS = 5_000;
/** Milliseconds for the bridge to find out whether a server speaks HTTP+SSE; it takes 2 s itself. */
const BRIDGE_PROBE_MS = 5_000;

export function createUpstreamRegistry(options: RegistryOptions): UpstreamRegistry {
  const kept = new Map<string, Kept>();
  return {
    upstreamOf(server, tools) {
      const id = uuidFromText(server.id) ?? EMPTY;
      const known = knownToolsFrom(tools);
      const { link, breaker, tools: toolIds, listed } = keep(server, id, known);
      return {
        id,
        idText: server.id,
        orgIdText: server.orgId,
        name: server.name,
        enabled: server.enabled,
        timeoutMs: server.timeoutMs || options.defaultTimeoutMs,
        link,
        breaker,
        tools: toolIds,
        settings: upstreamSettingsFrom(server.settings),
        known,
        listed,
      };
    },
    async close() {
      for (const { breaker } of kept.values()) breaker.shutdown();
      await Promise.all([...kept.values()].map(({ link }) => link.pool.close()));
    },
  };

  function keep(server: McpServer, id: Buffer, tools: KnownTools): Kept {
    const url = endpointOf(server, options.bridge);
    const known = kept.get(server.id);
    if (known?.url === url.href) {
      known.tools.learn(tools.keys());
      return known;
    }
    // The old pool finishes what it has; nobody waits for it.
    if (known) void known.link.pool.close();
    known?.breaker.shutdown();
    const fresh: Kept = {
      url: url.href,
      link: linkTo(server, url),
      breaker: new UpstreamBreaker(options.breaker),
      tools: new ToolIds(id, tools.keys()),
      listed: new ListedTools(),
    };
    kept.set(server.id, fresh);
    return fresh;
  }

  function linkTo(server: McpServer, url: URL): Link {
    const isBridged = server.transport === ServerTransport.STDIO;
    const { bridge } = options;
    const link: Link = {
      pool: poolTo(url.origin),
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
    const pool = poolTo(bridge.origin);
    const headers = [...bridgeHeaders(bridge, server), UPSTREAM_URL_HEADER, server.url];
    const path = "/sse";
    const found = await pool.request({
      ...{ method: "HEAD", path, headers },
      ...{ headersTimeout: BRIDGE_PROBE_MS, bodyTimeout: BRIDGE_PROBE_MS },
    });
    await found.body.dump();
    if (found.statusCode !== 204) {
      await pool.close();
      return;
    }
    void link.pool.close();
    Object.assign(link, { pool, path, headers, isBridged: true });
  }

  function poolTo(origin: string): Pool {
    return new Pool(origin, {
      connections: options.connections,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      allowH2: false,
      keepAliveTimeout: 4_000,
    });
  }
}

function bridgeHeaders(bridge: BridgeAddress, server: McpServer): string[] {
  return [BRIDGE_SECRET_HEADER, bridge.secret, "x-gwo-org", server.orgId];
}

function endpointOf(server: McpServer, bridge: BridgeAddress | undefined): URL {
  if (server.transport !== ServerTransport.STDIO) return new URL(server.url);
  if (!bridge)
    throw new Failure(
      "UPSTREAM_UNREACHABLE",
      `No stdio server is configured here, so ${server.name} cannot be reached. List it under mcp_servers.stdio in config.yaml.`,
    );
  return new URL(`/${encodeURIComponent(server.url.slice("stdio:".length))}`, bridge.origin);
}
