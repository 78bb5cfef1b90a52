import { Pool } from "undici";
import { ServerTransport, type McpServer } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";
import { UpstreamBreaker, type BreakerOptions } from "./breaker.ts";
import type { Link } from "./link.ts";
import { ToolIds, type Upstream } from "./upstream.ts";

/** Where the stdio host listens, and what it wants to see. */
export type StdioHostAddress = { readonly origin: string; readonly secret: string };

/** Header that proves a request to the stdio host comes from the gateway. */
export const STDIO_SECRET_HEADER = "x-gwo-stdio-secret";

export type RegistryOptions = {
  readonly breaker: BreakerOptions;
  /** Connections to one server, for calls and beside them. */
  readonly connections: { readonly calls: number; readonly aside: number };
  /** Milliseconds one answer may take when the server sets none: `mcp_servers.default_timeout`. */
  readonly defaultTimeoutMs: number;
  /** Undefined: no stdio servers are configured. */
  readonly stdioHost: StdioHostAddress | undefined;
};

export type UpstreamRegistry = {
  /** The upstream of a registered server: connections and breaker stay the same until its URL changes. */
  upstreamOf(server: McpServer, tools: readonly string[]): Upstream;
  close(): Promise<void>;
};

type Kept = { url: string; link: Link; breaker: UpstreamBreaker; tools: ToolIds };

const CONNECT_TIMEOUT_MS = 5_000;

export function createUpstreamRegistry(options: RegistryOptions): UpstreamRegistry {
  const kept = new Map<string, Kept>();
  return {
    upstreamOf(server, tools) {
      const id = uuidFromText(server.id) ?? EMPTY;
      const { link, breaker, tools: toolIds } = keep(server, id, tools);
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
      };
    },
    async close() {
      for (const { breaker } of kept.values()) breaker.shutdown();
      await Promise.all([...kept.values()].map(({ link }) => closePools(link)));
    },
  };

  function keep(server: McpServer, id: Buffer, tools: readonly string[]): Kept {
    const url = endpointOf(server, options.stdioHost);
    const known = kept.get(server.id);
    if (known?.url === url.href) {
      known.tools.learn(tools);
      return known;
    }
    // The old pool finishes what it has; nobody waits for it.
    if (known) void closePools(known.link);
    known?.breaker.shutdown();
    const fresh: Kept = {
      url: url.href,
      link: linkTo(server, url),
      breaker: new UpstreamBreaker(options.breaker),
      tools: new ToolIds(id, tools),
    };
    kept.set(server.id, fresh);
    return fresh;
  }

  function linkTo(server: McpServer, url: URL): Link {
    const isBridged = server.transport === ServerTransport.STDIO;
    const poolOf = (connections: number): Pool =>
      new Pool(url.origin, {
        connections,
        connect: { timeout: CONNECT_TIMEOUT_MS },
        allowH2: false,
        keepAliveTimeout: 4_000,
      });
    return {
      pool: poolOf(options.connections.calls),
      asidePool: poolOf(options.connections.aside),
      path: `${url.pathname}${url.search}`,
      headers:
        isBridged && options.stdioHost
          ? [STDIO_SECRET_HEADER, options.stdioHost.secret, "x-gwo-org", server.orgId]
          : [],
      isBridged,
      modern: undefined,
      legacy: undefined,
      probedAt: 0,
      probing: undefined,
      toBridge: undefined,
      mirrors: undefined,
    };
  }
}

async function closePools({ pool, asidePool }: Link): Promise<void> {
  await Promise.all([pool.close(), asidePool.close()]);
}

function endpointOf(server: McpServer, stdioHost: StdioHostAddress | undefined): URL {
  if (server.transport !== ServerTransport.STDIO) return new URL(server.url);
  if (!stdioHost)
    throw new Failure(
      "UPSTREAM_UNREACHABLE",
      `No stdio server is configured here, so ${server.name} cannot be reached. List it under mcp_servers.stdio in config.yaml.`,
    );
  return new URL(`/${encodeURIComponent(server.url.slice("stdio:".length))}`, stdioHost.origin);
}
