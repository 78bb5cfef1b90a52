import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  create,
  type DescMessage,
  type DescMethodServerStreaming,
  type JsonValue,
  type MessageShape,
} from "@bufbuild/protobuf";
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
    const input = create(method.input, message);
    if (method.methodKind === "server_streaming") {
      const { transport } = options;
      await streamAnswer({ transport, method, input, request, response, signal: abort.signal });
      return;
    }
    const answer = await options.transport.unary(
      method,
      abort.signal,
      undefined,
      headersOf(request),
      input,
    );
    const headers: Record<string, string | string[]> = { "content-type": "application/json" };
    const requestId = answer.header.get(REQUEST_ID_HEADER);
    if (requestId !== null) headers[REQUEST_ID_HEADER] = requestId;
    const cookies = answer.header.getSetCookie();
    if (cookies.length > 0) headers["set-cookie"] = cookies;
    response.writeHead(200, headers);
    response.end(JSON.stringify(toRestJson(method.output, answer.message)));
  } catch (error) {
    sendFailure(response, failureFromConnect(error), requestIdFrom(error));
  }
}

/** The request id that an error of a method carries. */
function requestIdFrom(error: unknown): string | undefined {
  if (!(error instanceof Error && "metadata" in error)) return undefined;
  return (error.metadata as Headers).get(REQUEST_ID_HEADER) ?? undefined;
}

type StreamedAnswer = {
  readonly transport: Transport;
  readonly method: DescMethodServerStreaming;
  readonly input: MessageShape<DescMessage>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
};

/**
 * Answers with one JSON object a line (https://jsonlines.org), as the method yields them, no faster than they are read. A
 * stream that fails after it began ends with a line in the error shape: its status is sent by then.
 */
async function streamAnswer(options: StreamedAnswer): Promise<void> {
  const { method, request, response, signal } = options;
  const answer = await options.transport.stream(
    method,
    signal,
    0,
    headersOf(request),
    (async function* () {
      await Promise.resolve();
      yield options.input;
    })(),
  );
  const requestId = answer.header.get(REQUEST_ID_HEADER) ?? undefined;
  try {
    for await (const message of answer.message) {
      if (!response.headersSent) beginLines(response, requestId);
      const line = `${JSON.stringify(toRestJson(method.output, message))}\n`;
      if (!response.write(line)) await once(response, "drain", { signal });
    }
    if (!response.headersSent) beginLines(response, requestId);
    response.end();
  } catch (error) {
    if (!response.headersSent) throw error;
    // The reader is gone, and hears nothing of it.
    if (signal.aborted) return;
    const failure = failureFromConnect(error);
    response.end(`${JSON.stringify(restErrorBody(failure, requestId ?? ""))}\n`);
  }
}

function beginLines(response: ServerResponse, requestId: string | undefined): void {
  response.writeHead(200, {
    "content-type": JSON_LINES_TYPE,
    "cache-control": "no-store",
    // Proxies that hold answers back would make a live stream a late one.
    "x-accel-buffering": "no",
    ...(requestId === undefined ? {} : { [REQUEST_ID_HEADER]: requestId }),
  });
}

/** Media type of answers that stream. */
export const JSON_LINES_TYPE = "application/jsonl";

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
