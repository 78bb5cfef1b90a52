import { Failure, type FieldProblem } from "@gatewayops/platform/errors";
import type { ServerSettings } from "./server-settings.ts";

/** How the gateway reaches a server. */
export type ServerTransport = "streamable_http" | "stdio";

/** A registered MCP server. */
export type McpServer = {
  readonly id: string;
  readonly orgId: string;
  /** Name in paths, unique among the organisation's servers that were not removed. */
  readonly name: string;
  /** URL of the MCP endpoint, or "stdio:{name}". */
  readonly url: string;
  /** Milliseconds an answer may take; NO_TIMEOUT_MS for the gateway's default. */
  readonly timeoutMs: number;
  readonly enabled: boolean;
  readonly settings: ServerSettings;
  readonly createTime: Date;
  readonly updateTime: Date;
};

/** Time-out of a server that sets none: the gateway's `mcp_servers.default_timeout` holds. */
export const NO_TIMEOUT_MS = 0;

export function transportOf(server: Pick<McpServer, "url">): ServerTransport {
  return server.url.startsWith(STDIO) ? "stdio" : "streamable_http";
}

export function isServerName(text: string): boolean {
  return /^[a-z0-9][a-z0-9_-]{0,63}$/.test(text);
}

/**
 * Admits the URL of a server that an API call names. stdio servers are refused, since their commands run on the
 * gateway's host: only the operator's configuration makes them.
 *
 * Private addresses are admitted: servers inside the network are what the gateway is for.
 */
export function requireApiUrl(url: string): string {
  const problem = apiUrlProblem(url);
  if (problem !== undefined) throw invalid("url", problem);
  return url;
}

/** Admits the URL of a server that the operator's configuration names. */
export function requireOperatorUrl(url: string): string {
  if (url.startsWith(STDIO) && isServerName(url.slice(STDIO.length))) return url;
  return requireApiUrl(url);
}

export function requireServerName(name: string): string {
  if (isServerName(name)) return name;
  throw invalid("name", 'use 1 to 64 of a-z, 0-9, "-" and "_", beginning with a letter or digit');
}

const STDIO = "stdio:";
const URL_MAX = 500;

function apiUrlProblem(url: string): string | undefined {
  if (url.startsWith(STDIO))
    return "stdio servers are named in the operator's configuration only; give an http or https URL";
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !["http:", "https:"].includes(parsed.protocol))
    return "give the http or https URL of the server's MCP endpoint";
  if (url.length > URL_MAX) return `at most ${URL_MAX} characters are allowed`;
  if (parsed.username !== "" || parsed.password !== "")
    return "a user name or password in the URL would be shown to everyone who may see servers";
  if (parsed.hash !== "") return 'a fragment ("#…") is never sent; leave it out';
  return undefined;
}

function invalid(field: string, message: string): Failure {
  const details: FieldProblem[] = [{ field, message }];
  return new Failure("REQUEST_INVALID", `${field}: ${message}`, { details });
}
