import { hash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { ListMode } from "@gatewayops/proto/gatewayops/auth/v1/organization_service_pb";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  ServerTransport,
  type TransformationSchema,
} from "@gatewayops/proto/gatewayops/auth/v1/server_pb";
import {
  InternalBudgetService,
  type BudgetSchema,
} from "@gatewayops/proto/gatewayops/cost/v1/budget_service_pb";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  InternalCostService,
  type PriceRuleSchema,
} from "@gatewayops/proto/gatewayops/cost/v1/price_service_pb";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { encodeApiKey } from "@gatewayops/platform/api-key";
import { loadConfig } from "@gatewayops/platform/config";
import { Failure } from "@gatewayops/platform/errors";
import { createLifecycle } from "@gatewayops/platform/lifecycle";
import { createLogger } from "@gatewayops/platform/log";
import { connectErrorFrom } from "@gatewayops/platform/rpc/errors";
import { Redis } from "ioredis";
import { Registry } from "prom-client";
import { buildWorkerApp } from "../src/app.ts";
import { redisOptions } from "../src/cluster/redis-options.ts";
import { GATEWAY_SCHEMA } from "../src/config.ts";
import { until } from "./engine-redis.ts";
import { completionsIn, framesOf, temporaryDirectory } from "./wal-files.ts";

export const ORG_ID = "0199a000-0000-7000-8000-000000000001";
export const SERVER_ID = "0199a000-0000-7000-8000-000000000002";
/** Name of the one registered server. */
export const SERVER = "echo";

const SECRET = "0123456789abcdef0123456789abcdef";
const LOG_ID = "ab".repeat(16);

/** What an MCP server of a test does with a request whose body has arrived. */
export type UpstreamHandler = (
  message: { id?: unknown; method?: string; params?: Record<string, unknown> },
  response: ServerResponse,
  request: IncomingMessage,
) => void;

type MoreServer = { readonly url: string; readonly timeoutMs: number };

export type BenchOptions = {
  readonly redisUrl: string;
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly upstream?: UpstreamHandler;
  /** URL of an MCP server to use in place of the bench's own. */
  readonly upstreamUrl?: string;
  /** More registered servers: name → URL. */
  readonly others?: Readonly<Record<string, string>>;
  /** How lists of all those are made while one does not answer; lenient when absent. */
  readonly listMode?: ListMode;
  /** More registered servers: URL and time-out by name. The control plane answers when it does. */
  readonly servers?: (name: string) => MoreServer | undefined | Promise<MoreServer | undefined>;
  /** Changes to the requests to all servers. */
  readonly transformations?: MessageInitShape<typeof TransformationSchema>[];
  /** Limits and scopes of the key; none and all when absent. */
  readonly scopes?: { rateRps?: number; rateBurst?: number; servers?: string[]; tools?: string[] };
  readonly priceUsdMicros?: bigint;
  /** Budgets of the organisation, whose time zone is UTC. */
  readonly budgets?: readonly MessageInitShape<typeof BudgetSchema>[];
  /** The price book whenever it is read, in place of that one price. */
  readonly prices?: () => MessageInitShape<typeof PriceRuleSchema>[];
};

/** One worker of the gateway on ports of its own, before a control plane and an MCP server of the test. */
export type Bench = {
  readonly url: string;
  /** Address of the gRPC port: "127.0.0.1:41234". */
  readonly grpcAddress: string;
  readonly key: string;
  readonly http: Server;
  /** URL of its MCP server. */
  readonly upstreamUrl: string;
  /** Every message the MCP server got. */
  readonly received: { method: string; headers: IncomingMessage["headers"]; body: string }[];
  /** Posts a message to the MCP endpoint, or another path, with the key. */
  post(
    body: unknown,
    options?: { path?: string; headers?: Record<string, string> },
  ): Promise<Response>;
  /** Completions in the write-ahead log. */
  records(): CallCompletion[];
  metrics(): Promise<string>;
  /** As SIGTERM does; `close` waits for the end of it. */
  beginClosing(): void;
  /** Waits until the worker is connected with Redis: before that it begins no sessions. */
  connected(): Promise<void>;
  close(): Promise<void>;
};

/** Answers every request with a result, as an MCP server without sessions does. */
export const answerResult: UpstreamHandler = (message, response) => {
  response.writeHead(message.id === undefined ? 202 : 200, { "content-type": "application/json" });
  response.end(
    message.id === undefined
      ? undefined
      : JSON.stringify({ jsonrpc: "2.0", id: message.id, result: { content: [] } }),
  );
};

export async function startBench(options: BenchOptions): Promise<Bench> {
  const { path: directory, remove } = temporaryDirectory();
  const closers: (() => unknown)[] = [remove];
  const received: Bench["received"] = [];
  const handler = options.upstream ?? answerResult;
  const settings = { transformations: options.transformations ?? [] };
  const upstream = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      received.push({ method: request.method ?? "", headers: request.headers, body });
      handler(
        (body === "" ? {} : JSON.parse(body)) as Parameters<UpstreamHandler>[0],
        response,
        request,
      );
    });
  });
  const upstreamPort = await listenOn(upstream);
  const upstreamUrl = options.upstreamUrl ?? `http://127.0.0.1:${upstreamPort}/mcp`;
  closers.push(() => {
    upstream.closeAllConnections();
    upstream.close();
  });

  const key = encodeApiKey("test", Buffer.alloc(32, 7));
  const controlPlane = createHttp2Server(
    connectNodeAdapter({
      routes: (router) => {
        router.service(InternalAuthService, {
          validateKey: (request) => {
            if (request.key !== key)
              throw connectErrorFrom(new Failure("KEY_INVALID", "The API key is not known."));
            return {
              apiKey: {
                id: "0199a000-0000-7000-8000-000000000003",
                orgId: ORG_ID,
                name: "test key",
                scopes: {
                  servers: options.scopes?.servers ?? ["*"],
                  tools: options.scopes?.tools ?? [],
                  rateRps: options.scopes?.rateRps ?? 0,
                  rateBurst: options.scopes?.rateBurst ?? 0,
                },
              },
            };
          },
          resolveServer: async ({ orgId, name }) => {
            const other = await options.servers?.(name);
            if (other)
              return {
                server: {
                  ...{ orgId, name, ...other },
                  id: `0199a000-0000-7000-8000-${hash("md5", name).slice(0, 12)}`,
                  transport: ServerTransport.STREAMABLE_HTTP,
                  enabled: true,
                },
              };
            const others = Object.keys(options.others ?? {});
            if ((name !== SERVER && !others.includes(name)) || orgId !== ORG_ID)
              throw connectErrorFrom(new Failure("SERVER_UNKNOWN", "There is no such server."));
            return {
              server: {
                id: name === SERVER ? SERVER_ID : otherId(others.indexOf(name)),
                orgId,
                name,
                url: options.others?.[name] ?? upstreamUrl,
                transport: ServerTransport.STREAMABLE_HTTP,
                enabled: true,
                settings,
              },
              tools: ["echo"],
            };
          },
          listServers: ({ orgId }) => ({
            listMode: options.listMode ?? ListMode.LENIENT,
            servers: Object.entries(options.others ?? {}).map(([name, url], index) => ({
              server: {
                ...{ id: otherId(index), orgId, name, url },
                transport: ServerTransport.STREAMABLE_HTTP,
                enabled: true,
                settings,
              },
              tools: [],
            })),
          }),
          registerTools: () => ({}),
        });
        router.service(InternalBudgetService, {
          getBudgetBook: () => ({ budgets: [...(options.budgets ?? [])], timeZone: "UTC" }),
          openLog: () => ({}),
          reportLogs: () => ({}),
        });
        router.service(InternalCostService, {
          getPriceBook: () => ({
            readTime: timestampFromMs(Date.now()),
            rules:
              options.prices?.() ??
              (options.priceUsdMicros === undefined
                ? []
                : [
                    {
                      id: "0199a000-0000-7000-8000-000000000009",
                      server: "*",
                      tool: "*",
                      perCallUsdMicros: options.priceUsdMicros,
                    },
                  ]),
          }),
        });
      },
    }),
  );
  const sessions = new Set<ServerHttp2Session>();
  controlPlane.on("session", (session: ServerHttp2Session) => sessions.add(session));
  const controlPort = await listenOn(controlPlane);
  closers.push(() => {
    for (const session of sessions) session.destroy();
    controlPlane.close();
  });

  const controlUrl = `http://127.0.0.1:${controlPort}`;
  const config = loadConfig(GATEWAY_SCHEMA, {
    env: {
      GWO_AUTH_URL: controlUrl,
      GWO_COST_URL: controlUrl,
      GWO_TRACE_URL: controlUrl,
      GWO_INTERNAL_SECRET: SECRET,
      GWO_SESSION_SECRET: SECRET,
      GWO_WAL_DIR: join(directory, "wal"),
      GWO_REDIS_URL: options.redisUrl,
      ...options.env,
    },
    yaml: options.yaml,
  });
  const log = createLogger({
    service: "test",
    level: "silent",
    format: "json",
    maskSensitive: true,
  });
  const lifecycle = createLifecycle(log);
  const registry = new Registry();
  const connect = (): Redis => {
    const client = new Redis(config.redisUrl, redisOptions());
    client.on("error", () => undefined);
    lifecycle.onClose("Redis", () => {
      client.disconnect();
    });
    return client;
  };
  const redis = connect();
  // What a test does at once must not fail because Redis was not there yet; one that is away closes the connection.
  await new Promise<void>((resolve) => {
    redis.once("ready", resolve).once("close", resolve);
  });
  const subscriber = new Redis(config.redisUrl, { maxRetriesPerRequest: null });
  subscriber.on("error", () => undefined);
  lifecycle.onClose("Redis", () => {
    subscriber.disconnect();
  });
  const app = buildWorkerApp({
    config,
    replicaId: "replica-1",
    logId: LOG_ID,
    logDirectoryId: LOG_ID,
    bridge: undefined,
    workers: 1,
    redis,
    subscriber,
    log,
    registry,
    lifecycle,
    metricsText: async () => ({ contentType: "text/plain", text: await registry.metrics() }),
  });
  // A worker serves without Redis as well; tests that want to see that take it away later.
  if (redis.status !== "ready")
    await Promise.race([once(redis, "ready"), once(redis, "close")]).catch(() => undefined);
  const port = await listenOn(app.http);
  const url = `http://127.0.0.1:${port}`;
  const grpcPort = await listenOn(app.grpc);
  const grpcSessions = new Set<ServerHttp2Session>();
  app.grpc.on("session", (session: ServerHttp2Session) => grpcSessions.add(session));
  app.announce(`http://127.0.0.1:${await listenOn(app.peer)}`);
  return {
    url,
    grpcAddress: `127.0.0.1:${grpcPort}`,
    key,
    http: app.http,
    upstreamUrl,
    received,
    post: (body, { path = `/v1/mcp/${SERVER}`, headers = {} } = {}) =>
      fetch(`${url}${path}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${key}`,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
          ...headers,
        },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
    records: () =>
      framesOf(join(config.walDir, LOG_ID)).flatMap(({ completions }) =>
        completionsIn(completions),
      ),
    metrics: () => registry.metrics(),
    beginClosing: () => void lifecycle.close(),
    connected: () => until("Redis is connected", () => redis.status === "ready"),
    async close() {
      for (const server of [app.http, app.peer]) server.closeAllConnections();
      for (const session of grpcSessions) session.destroy();
      await new Promise((resolve) => app.http.close(resolve));
      app.peer.close();
      app.grpc.close();
      await lifecycle.close();
      for (const close of closers.reverse()) await close();
    },
  };
}

function otherId(index: number): string {
  return `0199a000-0000-7000-8000-1${String(index).padStart(11, "0")}`;
}

/** A call of the tool "echo" in the legacy era. */
export function toolCall(id: unknown = 1, args: object = {}): object {
  return { jsonrpc: "2.0", id, method: "tools/call", params: { name: "echo", arguments: args } };
}

function listenOn(server: Server | Http2Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}
