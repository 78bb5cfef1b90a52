import { dirname, delimiter } from "node:path";
import type { Ports } from "./ports.ts";
import type { Secrets } from "./secrets.ts";

export type EngineUrls = {
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly clickhouseUrl: string;
};

export type EnvironmentOptions = {
  readonly base: NodeJS.ProcessEnv;
  readonly ports: Ports;
  readonly secrets: Secrets;
  readonly engines: EngineUrls;
  readonly workers: number;
  readonly consoleDirectory: string;
  readonly gatewayDirectory: string;
  readonly configFile: string;
};

export function loopbackUrl(port: number): string {
  return `http://127.0.0.1:${String(port)}`;
}

/** The environment of the services and the gateway: ours, and over it what makes them one stack. */
export function serviceEnvironment(options: EnvironmentOptions): NodeJS.ProcessEnv {
  const { ports, secrets, engines } = options;
  return {
    ...options.base,
    PATH: pathWithOurNode(options.base),
    GWO_POSTGRES_URL: engines.postgresUrl,
    GWO_REDIS_URL: engines.redisUrl,
    GWO_CLICKHOUSE_URL: engines.clickhouseUrl,
    GWO_AUTH_URL: loopbackUrl(ports["svc-auth-grpc"]),
    GWO_COST_URL: loopbackUrl(ports["svc-cost-grpc"]),
    GWO_TRACE_URL: loopbackUrl(ports["svc-trace-grpc"]),
    GWO_AUTH_HTTP_URL: loopbackUrl(ports["svc-auth"]),
    GWO_COST_HTTP_URL: loopbackUrl(ports["svc-cost"]),
    GWO_TRACE_HTTP_URL: loopbackUrl(ports["svc-trace"]),
    GWO_INTERNAL_SECRET: secrets.internalSecret,
    GWO_KEY_CACHE_SECRET: secrets.keyCacheSecret,
    GWO_SESSION_SECRET: secrets.sessionSecret,
    GWO_SVC_AUTH_HTTP_PORT: String(ports["svc-auth"]),
    GWO_SVC_AUTH_GRPC_PORT: String(ports["svc-auth-grpc"]),
    GWO_SVC_COST_HTTP_PORT: String(ports["svc-cost"]),
    GWO_SVC_COST_GRPC_PORT: String(ports["svc-cost-grpc"]),
    GWO_SVC_TRACE_HTTP_PORT: String(ports["svc-trace"]),
    GWO_SVC_TRACE_GRPC_PORT: String(ports["svc-trace-grpc"]),
    GWO_GATEWAY_HTTP_PORT: String(ports.gateway),
    GWO_GATEWAY_GRPC_PORT: String(ports["gateway-grpc"]),
    GWO_GATEWAY_WORKERS: String(options.workers),
    GWO_GATEWAY_STATE_DIR: options.gatewayDirectory,
    GWO_WAL_DIR: `${options.gatewayDirectory}/wal`,
    GWO_CONSOLE_DIR: options.consoleDirectory,
    GWO_CONFIG_FILE: options.configFile,
    GWO_MIGRATE: "true",
  };
}

/**
 * The environment of a demo MCP server: what Node needs and nothing else. Its tool `get-env` shows
 * all of it to any agent, so no secret of ours may be in there.
 */
export function serverEnvironment(base: NodeJS.ProcessEnv, port: number): NodeJS.ProcessEnv {
  const kept = ["HOME", "LANG", "TMPDIR", "TZ", "NODE_COMPILE_CACHE"] as const;
  return {
    ...Object.fromEntries(kept.flatMap((name) => (base[name] ? [[name, base[name]]] : []))),
    PATH: pathWithOurNode(base),
    PORT: String(port),
  };
}

/** Programs named "node", such as those of stdio servers, run with the Node that runs us. */
function pathWithOurNode(base: NodeJS.ProcessEnv): string {
  const ours = dirname(process.execPath);
  return base["PATH"] === undefined ? ours : `${ours}${delimiter}${base["PATH"]}`;
}
