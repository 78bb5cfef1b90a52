import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { Failure } from "@gatewayops/platform/errors";
import { requestIdOf, uuidV7 } from "@gatewayops/platform/ids";
import { restErrorBody, sendFailure } from "@gatewayops/platform/rpc/rest";
import type { McpContext } from "../mcp/mcp-context.ts";
import type { HttpExchange } from "../mcp/http-exchange.ts";
import { McpExchange, type HttpMethod } from "../mcp/mcp-exchange.ts";
import type { Pipeline } from "../stages/pipeline.ts";
import { receiveBody } from "./body.ts";
import type { BrowserAccess } from "./browser-access.ts";
import { FACADE_METHODS } from "./facade.ts";
import { RestExchange } from "./rest-exchange.ts";

export type GatewayServerOptions = {
  readonly pipeline: Pipeline;
  readonly mcp: McpContext;
  readonly browserAccess: BrowserAccess;
  readonly readTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Most headers of a request: `GWO_MAX_HEADERS`. */
  readonly headersMaxCount: number;
  /** Serves what is not MCP: health, metrics, control plane, console. False: nothing is there. */
  readonly serveOther: (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ) => boolean;
};

const MCP_PREFIX = "/v1/mcp/";
/** All servers that the agent may use, as one. */
const MCP_ALL = "/v1/mcp";
/** Asked for by address, not by name. */
const PROBES: ReadonlySet<string> = new Set(["/health", "/ready", "/metrics"]);
/** Bytes of a request's headers. */
const HEADERS_MAX_BYTES = 16 * 1024;

/** The gateway's HTTP/1.1 server: MCP and the REST façade below /v1/mcp/, everything else by `serveOther`. */
export function createGatewayServer(options: GatewayServerOptions): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADERS_MAX_BYTES,
      requestTimeout: options.readTimeoutMs,
      headersTimeout: Math.min(options.readTimeoutMs, 10_000),
      keepAliveTimeout: options.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(5_000, options.readTimeoutMs),
      noDelay: true,
      // Checked below, to be answered in our own shape.
      requireHostHeader: false,
    },
    (request, response) => {
      serve(options, request, response);
    },
  );
  // Counted below, to be answered in our own shape; their bytes bound what the parser takes.
  server.maxHeadersCount = 0;
  // Node's own answer has no body.
  server.on("checkExpectation", (_request: IncomingMessage, response: ServerResponse) => {
    refuse(
      options.pipeline,
      response,
      new Failure("REQUEST_MALFORMED", "Of `Expect` only 100-continue is understood."),
    );
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    refuseConnection(options.pipeline, error, socket);
  });
  return server;
}

/** Answers one request. */
export function serve(
  options: GatewayServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (request.headers.host === undefined && request.httpVersion === "1.1") {
    refuse(
      options.pipeline,
      response,
      new Failure("REQUEST_MALFORMED", "An HTTP/1.1 request needs a Host header."),
    );
    return;
  }
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  const path = query < 0 ? url : url.slice(0, query);
  if (path === MCP_ALL) {
    serveMcp(options, request, response, "");
    return;
  }
  if (path.startsWith(MCP_PREFIX)) {
    serveMcp(options, request, response, path.slice(MCP_PREFIX.length));
    return;
  }
  const refusal =
    refusalOfCount(options, request) ??
    (PROBES.has(path) ? undefined : options.browserAccess.refusalOfHost(request.headers));
  if (refusal) {
    refuse(options.pipeline, response, refusal);
    return;
  }
  if (!options.serveOther(request, response, path))
    refuse(
      options.pipeline,
      response,
      new Failure("NOT_FOUND", `Nothing is served at ${request.method ?? ""} ${path}.`),
    );
}

function serveMcp(
  options: GatewayServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  rest: string,
): void {
  const { pipeline } = options;
  if (request.method === "OPTIONS" && request.headers.origin !== undefined) {
    servePreflight(options, request, response);
    return;
  }
  const slash = rest.indexOf("/");
  const serverName = slash < 0 ? rest : rest.slice(0, slash);
  const method = slash < 0 ? "" : rest.slice(slash + 1);
  if (method === "") {
    if (request.method !== "POST" && request.method !== "GET" && request.method !== "DELETE") {
      response.setHeader("allow", "GET, POST, DELETE");
      refuse(
        pipeline,
        response,
        new Failure("METHOD_NOT_ALLOWED", "MCP takes POST, GET and DELETE here."),
      );
      return;
    }
    const httpMethod: HttpMethod = request.method;
    const exchange = new McpExchange(pipeline, request, response, {
      serverName,
      httpMethod,
      context: options.mcp,
    });
    begin(options, exchange, httpMethod === "POST");
    return;
  }
  if (!FACADE_METHODS.has(method) || request.method !== "POST") {
    const known = [...FACADE_METHODS.keys()].join(", ");
    if (FACADE_METHODS.has(method)) response.setHeader("allow", "POST");
    refuse(
      pipeline,
      response,
      FACADE_METHODS.has(method)
        ? new Failure("METHOD_NOT_ALLOWED", "Send a POST to this path.")
        : new Failure(
            "NOT_FOUND",
            `There is no ${method.slice(0, 64)} below an MCP server. There are: ${known}.`,
          ),
    );
    return;
  }
  begin(
    options,
    new RestExchange(pipeline, request, response, {
      serverName,
      method,
      context: options.mcp,
    }),
    true,
  );
}

function begin(options: GatewayServerOptions, exchange: HttpExchange, hasBody: boolean): void {
  const { request, response } = exchange;
  const refusal = refusalOf(options, request);
  if (refusal) {
    request.resume();
    exchange.fail(refusal);
    return;
  }
  options.browserAccess.share(request.headers, response);
  exchange.start(() => {
    if (hasBody) receiveBody(exchange);
    else exchange.receive(Buffer.alloc(0));
  });
}

function refusalOf(options: GatewayServerOptions, request: IncomingMessage): Failure | undefined {
  const { browserAccess } = options;
  return (
    refusalOfCount(options, request) ??
    browserAccess.refusalOfHost(request.headers) ??
    browserAccess.refusalOfOrigin(request.headers)
  );
}

function refusalOfCount(
  { headersMaxCount }: GatewayServerOptions,
  { rawHeaders }: IncomingMessage,
): Failure | undefined {
  if (rawHeaders.length <= 2 * headersMaxCount) return undefined;
  return new Failure(
    "HEADERS_TOO_LARGE",
    `A request may have at most ${headersMaxCount} headers.`,
    { limit: "headers" },
  );
}

function servePreflight(
  options: GatewayServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const refusal = refusalOf(options, request);
  if (refusal) refuse(options.pipeline, response, refusal);
  else options.browserAccess.answerPreflight(request.headers, response);
}

function refuse(pipeline: Pipeline, response: ServerResponse, failure: Failure): void {
  pipeline.metrics.refused(failure.reason);
  if (failure.limit !== undefined) pipeline.metrics.boundReached(failure.limit);
  sendFailure(response, failure, requestIdOf(uuidV7(pipeline.now())));
}

/** Answers what is not HTTP, or too much of it, on the bare socket; then the connection ends. */
function refuseConnection(pipeline: Pipeline, error: NodeJS.ErrnoException, socket: Duplex): void {
  const reason =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "HEADERS_TOO_LARGE"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "REQUEST_TIMEOUT"
        : "REQUEST_MALFORMED";
  const failure = new Failure(reason, MESSAGES[reason]);
  pipeline.metrics.refused(reason);
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const requestId = requestIdOf(uuidV7(pipeline.now()));
  const body = JSON.stringify(restErrorBody(failure, requestId));
  socket.end(
    `HTTP/1.1 ${failure.spec.http} ${reason}\r\nContent-Type: application/json\r\n` +
      `X-Request-Id: ${requestId}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

const MESSAGES = {
  HEADERS_TOO_LARGE: `A request may have at most ${HEADERS_MAX_BYTES} bytes of headers.`,
  REQUEST_TIMEOUT: "The request did not arrive in time.",
  REQUEST_MALFORMED: "This is not a valid HTTP/1.1 request.",
} as const;
