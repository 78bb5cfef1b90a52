import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { DescService } from "@bufbuild/protobuf";
import { createRouterTransport, type ConnectRouter } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import type { Registry } from "prom-client";
import { Failure } from "../errors.ts";
import type { Logger } from "../log.ts";
import { accessInterceptor } from "./access.ts";
import type { Caller } from "./caller.ts";
import { edgeInterceptor, validateInterceptor } from "./interceptors.ts";
import { createServerMetrics } from "./metrics.ts";
import { createRestHandler, sendFailure } from "./rest.ts";
import { restRoutes } from "./rest-routes.ts";

/** How the callers of outside methods are told apart: by `Authorization: Bearer gwo_…` or by the session cookie. */
export type Authenticate = (headers: Headers) => Promise<Caller | undefined>;

/** What a service serves and how. */
export type RpcServerOptions = {
  /** Services whose methods are registered by `routes`; REST paths, permissions and field rules come from them. */
  readonly services: readonly DescService[];
  readonly routes: (router: ConnectRouter) => void;
  /** Finds the caller, undefined when no credentials were sent; throws Failure when they are bad. */
  readonly authenticate: Authenticate;
  /** Secret that proves a call comes from another GatewayOps process. */
  readonly internalSecret: string;
  readonly host: string;
  /** Port of HTTP/1.1: REST, Connect, gRPC-Web, /health, /ready, /metrics. 0: any free one. */
  readonly httpPort: number;
  /** Port of cleartext HTTP/2: gRPC and Connect. 0: any free one. */
  readonly grpcPort: number;
  /** What is not ready, in words; empty when all is. */
  readonly notReady: () => Promise<readonly string[]>;
  readonly log: Logger;
  readonly registry: Registry;
};

export type RpcServer = {
  readonly httpPort: number;
  readonly grpcPort: number;
  /** Takes no new requests, lets those in flight finish for up to five seconds, then cuts them off. */
  close(): Promise<void>;
};

/** Most bytes of a control-plane request. */
const BODY_MAX_BYTES = 4 * 1024 * 1024;
/** Milliseconds that requests in flight have at closing. */
const DRAIN_MS = 5_000;

/**
 * Serves services as Connect, gRPC, gRPC-Web and REST, with access rules, field rules, errors, logs and metrics.
 *
 * @throws Error when a method declares no access rule, or a port is taken
 */
export async function startRpcServer(options: RpcServerOptions): Promise<RpcServer> {
  const metrics = createServerMetrics(options.registry);
  const interceptors = [
    edgeInterceptor(options.log, metrics),
    accessInterceptor(options.services, options),
  ];
  const rpc = connectNodeAdapter({
    routes: options.routes,
    interceptors: [...interceptors, validateInterceptor("proto")],
    readMaxBytes: BODY_MAX_BYTES,
  });
  const rest = createRestHandler({
    routes: restRoutes(options.services),
    transport: createRouterTransport(options.routes, {
      router: { interceptors: [...interceptors, validateInterceptor("rest")] },
    }),
    metrics,
    bodyMaxBytes: BODY_MAX_BYTES,
  });
  const rpcPrefixes = options.services.map((service) => `/${service.typeName}/`);

  const httpServer = createServer((request, response) => {
    const path = request.url ?? "/";
    if (rpcPrefixes.some((prefix) => path.startsWith(prefix))) rpc(request, response);
    else if (!serveProbe(options, request, response) && !rest(request, response))
      sendFailure(
        response,
        new Failure(
          "NOT_FOUND",
          `Nothing is served at ${request.method ?? ""} ${path.split("?")[0] ?? ""}.`,
        ),
      );
  });
  const grpcServer = createHttp2Server(rpc);
  const sessions = new Set<ServerHttp2Session>();
  grpcServer.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });

  const httpPort = await listen(httpServer, options.httpPort, options.host);
  const grpcPort = await listen(grpcServer, options.grpcPort, options.host);
  return {
    httpPort,
    grpcPort,
    async close() {
      for (const session of sessions) session.close();
      httpServer.closeIdleConnections();
      const closed = Promise.all([closeServer(httpServer), closeServer(grpcServer)]);
      const timer = setTimeout(() => {
        httpServer.closeAllConnections();
        for (const session of sessions) session.destroy();
      }, DRAIN_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

function serveProbe(
  options: RpcServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  if (request.method !== "GET") return false;
  switch (request.url) {
    case "/health":
      sendJson(response, 200, { status: "ok" });
      return true;
    case "/ready":
      options.notReady().then(
        (problems) => {
          sendJson(response, problems.length === 0 ? 200 : 503, {
            ready: problems.length === 0,
            problems,
          });
        },
        (error: unknown) => {
          sendJson(response, 503, { ready: false, problems: [String(error)] });
        },
      );
      return true;
    case "/metrics":
      void options.registry.metrics().then((text) => {
        response.writeHead(200, { "content-type": options.registry.contentType }).end(text);
      });
      return true;
    default:
      return false;
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function listen(server: Server | Http2Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function closeServer(server: Server | Http2Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
