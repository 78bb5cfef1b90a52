import { Failure } from "@gatewayops/platform/errors";
import { ADDRESS_FORBIDDEN } from "./connector.ts";
import type { Upstream } from "./upstream.ts";

/** The failure that an error of undici or the socket means. Errors are told apart by code, never by message. */
export function failureOfDispatch(
  error: Error,
  upstream: Pick<Upstream, "name" | "timeoutMs">,
): Failure {
  const code = codeOf(error);
  const { name, timeoutMs } = upstream;
  // A DOMException's name is its code.
  const isOver = error instanceof DOMException && error.name === "TimeoutError";
  if (code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT" || isOver)
    return timedOut({ name, timeoutMs }, error);
  if (code === ADDRESS_FORBIDDEN)
    return new Failure(
      "UPSTREAM_UNREACHABLE",
      `The MCP server ${name} leads to an address that this gateway does not connect to. Nothing was sent to it.`,
      { cause: error },
    );
  if (wasNeverSent(error))
    return new Failure(
      "UPSTREAM_UNREACHABLE",
      `The MCP server ${name} cannot be reached (${code}). Nothing was sent to it.`,
      { cause: error },
    );
  if (
    error.name === "HTTPParserError" ||
    code.startsWith("HPE_") ||
    code === "UND_ERR_HEADERS_OVERFLOW" ||
    code.startsWith("UND_ERR_RES")
  )
    return new Failure("UPSTREAM_NOT_MCP", `The MCP server ${name} did not answer in valid HTTP.`, {
      cause: error,
    });
  return new Failure(
    "UPSTREAM_CLOSED",
    `The MCP server ${name} closed the connection before it had answered. The tool may have run.`,
    { cause: error },
  );
}

/** The failure of a server that was silent for too long. */
export function timedOut(
  { name, timeoutMs }: Pick<Upstream, "name" | "timeoutMs">,
  cause?: Error,
): Failure {
  return new Failure(
    "UPSTREAM_TIMEOUT",
    `The MCP server ${name} did not answer within ${timeoutMs} ms. The tool may still have run.`,
    { cause },
  );
}

/** True when no byte of the request can have reached the server: such a request is always safe to send again. */
export function wasNeverSent(error: unknown): boolean {
  return NEVER_SENT.has(codeOf(error));
}

const NEVER_SENT: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  // Of the DNS client.
  "ETIMEOUT",
  "ESERVFAIL",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
]);

function codeOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === "string") return code;
  // Happy eyeballs: every address failed, each with its own error.
  return Array.isArray(errors) ? codeOf(errors[0]) : "";
}
