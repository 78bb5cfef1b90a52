import { isIP } from "node:net";
import { Pool } from "undici";
import { ServerTransport, type McpServer } from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import { Failure } from "@gatewayops/platform/errors";
import { uuidFromText } from "@gatewayops/platform/ids";
import { EMPTY } from "../events/record.ts";
import { UpstreamBreaker, type BreakerOptions } from "./breaker.ts";
import { Bulkhead, WorkerSlots, type BulkheadOptions } from "./bulkhead.ts";
import type { AddressGuard } from "./address-guard.ts";
import { createConnector } from "./connector.ts";
import { discover, type DnsClient, type Instance } from "./discovery.ts";
import { Endpoints } from "./endpoints.ts";
import type { Link } from "./link.ts";
import { ToolIds, type Upstream, type UpstreamSettings } from "./upstream.ts";

/** Where the stdio host listens, and what it wants to see. */
export type StdioHostAddress = { readonly origin: string; readonly secret: string };

/** Header that proves a request to the stdio host comes from the gateway. */
export const STDIO_SECRET_HEADER = "x-gwo-stdio-secret";

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
  /** Undefined: no stdio servers are configured. */
  readonly stdioHost: StdioHostAddress | undefined;
};

export type UpstreamRegistry = {
  /** The upstream of a registered server: connections and breaker stay the same until its URL changes. */
  upstreamOf(server: McpServer, tools: readonly string[]): Upstream;
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
};

const CONNECT_TIMEOUT_MS = 5_000;
const NOTHING_SAID: UpstreamSettings = { isIdempotent: () => false };

export function createUpstreamRegistry(options: RegistryOptions): UpstreamRegistry {
  const kept = new Map<string, Kept>();
  const slots = new WorkerSlots(options.inFlightMax);
  return {
    upstreamOf(server, tools) {
      const id = uuidFromText(server.id) ?? EMPTY;
      const { link, breaker, bulkhead, tools: toolIds } = keep(server, id, tools);
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
        settings: NOTHING_SAID,
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

  function keep(server: McpServer, id: Buffer, tools: readonly string[]): Kept {
    const url = urlOf(server, options.stdioHost);
    const known = kept.get(server.id);
    if (known?.url === url.href) {
      known.tools.learn(tools);
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
      tools: new ToolIds(id, tools),
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
    const timeoutMs = Math.min(CONNECT_TIMEOUT_MS, server.timeoutMs || options.defaultTimeoutMs);
    const open = (to: Instance | undefined): Pool =>
      new Pool(url.origin, {
        // As many as there are calls in flight and open streams, which are bounded elsewhere.
        connections: null,
        connect: createConnector({
          timeoutMs,
          // The stdio host is ours, on loopback.
          mayConnect: isBridged ? () => true : options.mayConnect,
          // A name that DNS does not know is resolved by the system.
          to: to && isIP(to.address) !== 0 ? to : undefined,
        }),
        allowH2: false,
        keepAliveTimeout: 4_000,
      });
    return {
      pool: open(undefined),
      endpoints: isBridged ? undefined : endpointsOf(url, open),
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

async function closeLink({ pool, endpoints }: Link): Promise<void> {
  await Promise.all([pool.close(), endpoints?.close()]);
}

function urlOf(server: McpServer, stdioHost: StdioHostAddress | undefined): URL {
  if (server.transport !== ServerTransport.STDIO) return new URL(server.url);
  if (!stdioHost)
    throw new Failure(
      "UPSTREAM_UNREACHABLE",
      `No stdio server is configured here, so ${server.name} cannot be reached. List it under mcp_servers.stdio in config.yaml.`,
    );
  return new URL(`/${encodeURIComponent(server.url.slice("stdio:".length))}`, stdioHost.origin);
}
