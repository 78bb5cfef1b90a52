import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import { Failure } from "@gatewayops/platform/errors";

export type BrowserAccessOptions = {
  /** Origins, beside our own, whose pages may call: "https://app.example.com". "*" for all. */
  readonly allowedOrigins: ReadonlySet<string>;
  /** Names, beside those of loopback, by which requests may call us: "gateway.example.com". "*" for all. */
  readonly allowedHosts: ReadonlySet<string>;
  /** Address that is listened on. */
  readonly bindHost: string;
  /** Name of the header with the API key, in lower case. */
  readonly credentialHeader: string;
};

/** What a browser's pages may do at the MCP endpoints. Clients that are no browsers send no Origin. */
export type BrowserAccess = {
  /** The refusal of a request that came by a name that is not ours. */
  refusalOfHost(headers: IncomingHttpHeaders): Failure | undefined;
  /** The refusal of a request from a page that may not call. */
  refusalOfOrigin(headers: IncomingHttpHeaders): Failure | undefined;
  /** Lets an allowed page read the answer. */
  share(headers: IncomingHttpHeaders, response: ServerResponse): void;
  /** Answers an allowed page's question what it may send (Fetch §CORS-preflight request). */
  answerPreflight(headers: IncomingHttpHeaders, response: ServerResponse): void;
};

/** Headers of ours that a page's script may read beside those that it always may. */
const EXPOSED_HEADERS = [
  "MCP-Protocol-Version",
  "Mcp-Session-Id",
  "Retry-After",
  "WWW-Authenticate",
  "X-RateLimit-Limit",
  "X-RateLimit-Remaining",
  "X-RateLimit-Reset",
  "X-Request-Id",
  "X-Trace-Id",
].join(", ");

const ACCEPTED_HEADERS = [
  "accept",
  "baggage",
  "content-type",
  "last-event-id",
  "mcp-method",
  "mcp-name",
  "mcp-protocol-version",
  "mcp-session-id",
  "traceparent",
  "tracestate",
];

/** Seconds that a browser may remember the answer to a preflight. */
const PREFLIGHT_MAX_AGE_S = 3_600;

/**
 * Servers must check Origin, or any page could reach one (MCP transports §Security). A page whose name was pointed at
 * us after it was loaded (DNS rebinding) has an Origin that fits its Host, so that Host is checked as well: where we
 * listen on loopback, which pages reach that way only, and wherever the operator named our hosts. Elsewhere a proxy or
 * an ingress has taken the request by its Host already.
 */
export function createBrowserAccess(options: BrowserAccessOptions): BrowserAccess {
  const { allowedOrigins, allowedHosts } = options;
  const checksHost =
    !allowedHosts.has("*") && (allowedHosts.size > 0 || isLoopback(options.bindHost));
  const acceptedHeaders = [options.credentialHeader, ...ACCEPTED_HEADERS];
  return {
    refusalOfHost({ host }) {
      if (!checksHost || host === undefined) return undefined;
      const name = nameOf(host);
      return isLoopback(name) || allowedHosts.has(name) ? undefined : HOST_FORBIDDEN;
    },
    refusalOfOrigin({ origin, host }) {
      if (origin === undefined || allowedOrigins.has("*") || allowedOrigins.has(origin))
        return undefined;
      return URL.canParse(origin) && new URL(origin).host === host ? undefined : ORIGIN_FORBIDDEN;
    },
    share({ origin }, response) {
      if (origin === undefined) return;
      response.setHeader("access-control-allow-origin", origin);
      response.setHeader("access-control-expose-headers", EXPOSED_HEADERS);
      response.setHeader("vary", "Origin");
    },
    answerPreflight(headers, response) {
      // No wildcard covers headers whose names a tool's schema makes up, nor the one with the key.
      const parameters = (headers["access-control-request-headers"] ?? "")
        .split(",")
        .map((name) => name.trim().toLowerCase())
        .filter((name) => name.startsWith("mcp-param-"));
      response.writeHead(204, {
        "access-control-allow-origin": headers.origin ?? "",
        "access-control-allow-methods": "GET, POST, DELETE",
        "access-control-allow-headers": [...acceptedHeaders, ...parameters].join(", "),
        "access-control-max-age": String(PREFLIGHT_MAX_AGE_S),
        vary: "Origin, Access-Control-Request-Headers",
      });
      response.end();
    },
  };
}

/** The items of a list in a setting, without empty ones. */
export function namesIn(list: string): ReadonlySet<string> {
  return new Set(
    list
      .split(",")
      .map((name) => name.trim().toLowerCase())
      .filter((name) => name !== ""),
  );
}

const HOST_FORBIDDEN = new Failure(
  "HOST_FORBIDDEN",
  "This is not reached by the name in the header Host. An operator can allow it by GWO_ALLOWED_HOSTS.",
);
const ORIGIN_FORBIDDEN = new Failure(
  "ORIGIN_FORBIDDEN",
  "Pages of this origin may not call MCP servers here. An operator can allow it by GWO_ALLOWED_ORIGINS.",
);

/** The name in a Host header, without its port. */
function nameOf(host: string): string {
  const colon = host.lastIndexOf(":");
  // The colons of an IPv6 address stand in brackets.
  return (colon > host.lastIndexOf("]") ? host.slice(0, colon) : host).toLowerCase();
}

/** True for names and addresses that no foreign name server can claim. */
function isLoopback(name: string): boolean {
  return (
    name === "localhost" ||
    name.endsWith(".localhost") ||
    name === "::1" ||
    name === "[::1]" ||
    /^127(\.\d{1,3}){3}$/.test(name)
  );
}
