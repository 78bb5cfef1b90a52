import type { IncomingMessage, ServerResponse } from "node:http";
import type { Pool } from "undici";
import { Failure } from "@gatewayops/platform/errors";

/** A request that another worker answers. */
export type Forwarded = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
};

/** Headers that belong to one connection (RFC 9110 §7.6.1), or that are made anew. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "content-length",
  "expect",
]);

/**
 * Has another worker answer a request, and passes its answer on as it comes.
 *
 * @throws Failure CALL_LOST when that worker is gone. The request may have reached it, so nobody else may run it
 */
export async function forwardRequest(
  pool: Pool,
  { request, response, body }: Forwarded,
  extra: Readonly<Record<string, string>>,
): Promise<void> {
  const abort = new AbortController();
  const onClose = (): void => {
    abort.abort();
  };
  response.on("close", onClose);
  try {
    await pool.stream(
      {
        method: request.method ?? "POST",
        path: request.url ?? "/",
        headers: { ...passedOn(request.headers), ...extra },
        body: body.length > 0 ? body : null,
        signal: abort.signal,
        // The worker that answers keeps the deadlines.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      ({ statusCode, headers }) => {
        response.writeHead(statusCode, passedOn(headers));
        response.flushHeaders();
        return response;
      },
    );
  } catch (error) {
    if (response.headersSent || abort.signal.aborted) {
      response.destroy();
      return;
    }
    throw new Failure(
      "CALL_LOST",
      "The gateway process that held this call is gone. The tool may have run; it was not run again.",
      { cause: error },
    );
  } finally {
    response.off("close", onClose);
  }
}

function passedOn<T>(headers: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(headers).filter(
      (entry): entry is [string, T] => entry[1] !== undefined && !HOP_BY_HOP.has(entry[0]),
    ),
  );
}
