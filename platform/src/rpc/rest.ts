import { isUtf8 } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { create, type JsonValue } from "@bufbuild/protobuf";
import type { Transport } from "@connectrpc/connect";
import { Failure } from "../errors.ts";
import { requestIdOf, uuidV7 } from "../ids.ts";
import { readBody } from "./body.ts";
import { failureFromConnect } from "./errors.ts";
import { REQUEST_ID_HEADER } from "./interceptors.ts";
import type { ServerMetrics } from "./metrics.ts";
import { fromRestJson, toRestJson } from "./rest-json.ts";
import { createRestMatcher, requestJson, type RestMatch, type RestRoute } from "./rest-routes.ts";

export type RestOptions = {
  readonly routes: readonly RestRoute[];
  /** Runs a method in this process, with all interceptors. */
  readonly transport: Transport;
  readonly metrics: ServerMetrics;
  /** Most bytes of a body. */
  readonly bodyMaxBytes: number;
};

/** Serves REST paths by running their methods. Answers false when no route fits. */
export function createRestHandler(
  options: RestOptions,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const match = createRestMatcher(options.routes);
  return (request, response) => {
    const target = request.url ?? "/";
    const mark = target.indexOf("?");
    const query = new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1));
    const found = match(request.method ?? "GET", mark < 0 ? target : target.slice(0, mark));
    if (found === undefined) return false;
    const started = process.hrtime.bigint();
    const path = "allow" in found ? "(other)" : found.route.path;
    response.on("close", () => {
      const status = String(response.statusCode);
      options.metrics.observe({ method: request.method ?? "", path, status, started });
    });
    if ("allow" in found) {
      response.setHeader("allow", found.allow);
      sendFailure(response, new Failure("METHOD_NOT_ALLOWED", `This path takes ${found.allow}.`));
    } else void serve(options, found, query, request, response);
    return true;
  };
}

/** Answers in the specification's error shape. */
export function sendFailure(
  response: ServerResponse,
  failure: Failure,
  requestId = requestIdOf(uuidV7(Date.now())),
): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const headers: Record<string, string> = {
    "content-type": "application/json",
    [REQUEST_ID_HEADER]: requestId,
  };
  if (failure.retryAfterMs !== undefined)
    headers["retry-after"] = String(Math.ceil(failure.retryAfterMs / 1000));
  if (failure.spec.http === 401) headers["www-authenticate"] = "Bearer";
  response.writeHead(failure.spec.http, headers);
  response.end(JSON.stringify(restErrorBody(failure, requestId)));
}

/** The specification's error body. */
export function restErrorBody(failure: Failure, requestId: string): object {
  return {
    error: {
      code: failure.spec.rest,
      message: failure.message,
      details: failure.details,
      reason: failure.reason,
      request_id: requestId,
    },
  };
}

async function serve(
  options: RestOptions,
  match: RestMatch,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const abort = new AbortController();
  response.on("close", () => {
    abort.abort();
  });
  try {
    const body = match.route.hasBody ? await readJson(request, options.bodyMaxBytes) : {};
    const { method } = match.route;
    const message = fromRestJson(method.input, requestJson(match, query, body));
    const answer = await options.transport.unary(
      method,
      abort.signal,
      undefined,
      headersOf(request),
      create(method.input, message),
    );
    const headers: Record<string, string | string[]> = { "content-type": "application/json" };
    const requestId = answer.header.get(REQUEST_ID_HEADER);
    if (requestId !== null) headers[REQUEST_ID_HEADER] = requestId;
    const cookies = answer.header.getSetCookie();
    if (cookies.length > 0) headers["set-cookie"] = cookies;
    response.writeHead(200, headers);
    response.end(JSON.stringify(toRestJson(method.output, answer.message)));
  } catch (error) {
    const given =
      error instanceof Error && "metadata" in error
        ? (error.metadata as Headers).get(REQUEST_ID_HEADER)
        : null;
    sendFailure(response, failureFromConnect(error), given ?? undefined);
  }
}

async function readJson(request: IncomingMessage, maxBytes: number): Promise<JsonValue> {
  const body = await readBody(request, maxBytes);
  if (!isJsonType(request.headers["content-type"]))
    throw new Failure(
      "CONTENT_TYPE_UNSUPPORTED",
      "Send the body as `Content-Type: application/json`.",
    );
  try {
    if (!isUtf8(body)) throw new Error("not UTF-8");
    return JSON.parse(body.toString("utf8") || "{}") as JsonValue;
  } catch (error) {
    throw new Failure("REQUEST_MALFORMED", "The body is not JSON.", { cause: error });
  }
}

/** True for "application/json", with parameters or without. */
export function isJsonType(type: string | undefined): boolean {
  return type !== undefined && /^application\/json\s*(;|$)/i.test(type);
}

/** Headers a method may read. Hop-by-hop and body headers stay behind. */
function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value === undefined || SKIPPED.has(name) || name.startsWith(":")) continue;
    headers.set(name, Array.isArray(value) ? value.join(", ") : value);
  }
  return headers;
}

const SKIPPED: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "content-type",
  "accept",
  "accept-encoding",
  "transfer-encoding",
  "keep-alive",
  "upgrade",
  "te",
]);
