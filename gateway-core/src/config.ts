import { z } from "zod";
import { parse as parseYaml } from "yaml";
import { ConfigError, expandVariables, type ConfigOf } from "@gatewayops/platform/config";
import {
  booleanSetting,
  bytesSetting,
  choiceSetting,
  durationSetting,
  fractionSetting,
  integerSetting,
  stringSetting,
  urlSetting,
} from "@gatewayops/platform/settings";
import type { StdioServer } from "./bridge/stdio-process.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** The gateway's settings. Those with a path in config.yaml are the specification's. */
export const GATEWAY_SCHEMA = {
  host: stringSetting({ env: "GWO_BIND_HOST", default: "127.0.0.1", doc: "Address to listen on." }),
  httpPort: integerSetting({
    env: "GWO_GATEWAY_HTTP_PORT",
    yaml: "server.http_port",
    default: 8080,
    min: 0,
    max: 65535,
    doc: "Port of HTTP/1.1: MCP, REST, console, health, metrics. 0: any free one.",
  }),
  grpcPort: integerSetting({
    env: "GWO_GATEWAY_GRPC_PORT",
    yaml: "server.grpc_port",
    default: 9090,
    min: 0,
    max: 65535,
    doc: "Port of cleartext HTTP/2 for gRPC. 0: any free one.",
  }),
  peerHost: stringSetting({
    env: "GWO_PEER_HOST",
    default: "127.0.0.1",
    doc: "Address at which the other workers of all gateways reach a worker of this one, on a port of its own. With several gateways: the host's or pod's address.",
  }),
  sessionTtlMs: durationSetting({
    env: "GWO_SESSION_TTL",
    default: 30 * MINUTE,
    min: 1_000,
    max: 7 * 24 * HOUR,
    doc: "Time after its last use at which an MCP session is ended, here and at its server; a session lives while a stream or call of it is open. Also the time after which sessions that the gateway holds of its own, for agents that have none, are ended at their servers.",
  }),
  readTimeoutMs: durationSetting({
    env: "GWO_READ_TIMEOUT",
    yaml: "server.read_timeout",
    default: 30_000,
    min: 100,
    max: HOUR,
    doc: "Time an agent may take to send a whole request.",
  }),
  writeTimeoutMs: durationSetting({
    env: "GWO_WRITE_TIMEOUT",
    yaml: "server.write_timeout",
    default: 30_000,
    min: 100,
    max: HOUR,
    doc: "Time an agent may stop reading an answer before it is cut off. Silent streams are not concerned.",
  }),
  idleTimeoutMs: durationSetting({
    env: "GWO_IDLE_TIMEOUT",
    yaml: "server.idle_timeout",
    default: 120_000,
    min: 100,
    max: HOUR,
    doc: "Time a kept-alive connection may be idle.",
  }),
  bodyMaxBytes: bytesSetting({
    env: "GWO_MAX_REQUEST_SIZE",
    yaml: "server.max_request_size",
    default: 10 * 1024 * 1024,
    min: 1024,
    max: 1024 ** 3,
    doc: "Most bytes of a request's body.",
  }),
  jsonMaxDepth: integerSetting({
    env: "GWO_MAX_JSON_DEPTH",
    default: 128,
    min: 4,
    // What reads messages goes no deeper.
    max: 512,
    doc: "Most levels of objects and arrays in a request's body.",
  }),
  headersMaxCount: integerSetting({
    env: "GWO_MAX_HEADERS",
    default: 100,
    min: 16,
    max: 2000,
    doc: "Most headers of a request.",
  }),
  allowedOrigins: stringSetting({
    env: "GWO_ALLOWED_ORIGINS",
    default: "",
    doc: 'Origins whose pages may call MCP servers, separated by commas, for example "https://app.example.com". "*" for all. Our own origin always may.',
  }),
  allowedHosts: stringSetting({
    env: "GWO_ALLOWED_HOSTS",
    default: "",
    doc: 'Host names by which requests may come, separated by commas, for example "gateway.example.com". "*" for all. Names of loopback always may. Empty: those alone where `GWO_BIND_HOST` is a loopback address, else all.',
  }),
  apiKeyHeader: stringSetting({
    env: "GWO_API_KEY_HEADER",
    yaml: "auth.api_key_header",
    default: "Authorization",
    pattern: /^[A-Za-z][A-Za-z0-9-]{0,63}$/,
    doc: "Header that holds the API key.",
  }),
  apiKeyPrefix: stringSetting({
    env: "GWO_API_KEY_PREFIX",
    yaml: "auth.api_key_prefix",
    default: "Bearer gwo_",
    pattern: /^([A-Za-z]+ )?gwo_$/,
    doc: 'What the header\'s value begins with: an optional scheme and "gwo_".',
  }),
  rateLimitEnabled: booleanSetting({
    env: "GWO_RATE_LIMIT_ENABLED",
    yaml: "rate_limiting.enabled",
    default: true,
    doc: "Whether calls are limited at all.",
  }),
  defaultRps: integerSetting({
    env: "GWO_DEFAULT_RPS",
    yaml: "rate_limiting.default_rps",
    default: 100,
    min: 1,
    max: 1_000_000,
    doc: "Calls per second of a key that sets no limit of its own.",
  }),
  defaultBurst: integerSetting({
    env: "GWO_BURST_SIZE",
    yaml: "rate_limiting.burst_size",
    default: 50,
    min: 1,
    max: 1_000_000,
    doc: "Calls at once of a key that sets no limit of its own.",
  }),
  redisUrl: urlSetting({
    env: "GWO_REDIS_URL",
    yaml: "rate_limiting.redis_url",
    protocols: ["redis", "rediss"],
    doc: "Redis: rate limits, changes, and the streams that carry the record.",
    secret: true,
  }),
  discovery: choiceSetting({
    env: "GWO_DISCOVERY",
    yaml: "mcp_servers.discovery",
    choices: ["config", "dns"],
    default: "config",
    doc: 'Where the instances of a registered MCP server are found: "config" is the one address of its URL, "dns" the SRV records `_mcp._tcp.HOST` of a URL without a port, else every A and AAAA record of its host.',
  }),
  discoveryIntervalMs: durationSetting({
    env: "GWO_DISCOVERY_INTERVAL",
    default: 30_000,
    min: 1_000,
    max: HOUR,
    doc: "Longest time for which what DNS said of instances is believed. Shorter where its records say so.",
  }),
  discoveryDnsServers: stringSetting({
    env: "GWO_DISCOVERY_DNS_SERVERS",
    default: "",
    pattern: /^([0-9a-fA-F.:[\]]+(, *)?)*$/,
    doc: 'DNS servers that are asked for instances, separated by commas, for example "127.0.0.1:8600". Empty: the system\'s.',
  }),
  denyPrivateUpstreams: booleanSetting({
    env: "GWO_UPSTREAM_DENY_PRIVATE",
    default: false,
    doc: "Whether MCP servers at addresses of private networks or of this host are refused. Link-local, multicast and unspecified addresses and those of clouds' metadata always are.",
  }),
  defaultTimeoutMs: durationSetting({
    env: "GWO_DEFAULT_TIMEOUT",
    yaml: "mcp_servers.default_timeout",
    default: 30_000,
    min: 100,
    max: HOUR,
    doc: "Time one answer of an MCP server may take when the server sets none itself.",
  }),
  maxRetries: integerSetting({
    env: "GWO_MAX_RETRIES",
    yaml: "mcp_servers.max_retries",
    default: 3,
    min: 0,
    max: 10,
    doc: "How often a request that is safe to repeat is sent again: lists and reads, and anything of which no byte was sent. Tool calls that may have arrived are never repeated.",
  }),
  breakerThreshold: integerSetting({
    env: "GWO_BREAKER_THRESHOLD",
    yaml: "mcp_servers.circuit_breaker.threshold",
    default: 5,
    min: 1,
    max: 10_000,
    doc: "Failures within 30 s after which an MCP server is left alone.",
  }),
  breakerTimeoutMs: durationSetting({
    env: "GWO_BREAKER_TIMEOUT",
    yaml: "mcp_servers.circuit_breaker.timeout",
    default: 30_000,
    min: 100,
    max: HOUR,
    doc: "Time an MCP server is left alone before three calls probe it.",
  }),
  inFlightPerServer: integerSetting({
    env: "GWO_MAX_CALLS_PER_SERVER",
    default: 256,
    min: 1,
    max: 100_000,
    doc: "Calls that one worker has in flight to one MCP server. More wait, then get 503 OVERLOADED.",
  }),
  queuedPerServer: integerSetting({
    env: "GWO_MAX_QUEUED_CALLS_PER_SERVER",
    default: 256,
    min: 0,
    max: 100_000,
    doc: "Calls that may wait for one in flight to end.",
  }),
  queueWaitMs: durationSetting({
    env: "GWO_QUEUE_WAIT",
    default: 1_000,
    min: 1,
    max: 60_000,
    doc: "Time they may wait.",
  }),
  inFlightPerWorker: integerSetting({
    env: "GWO_MAX_CALLS_PER_WORKER",
    default: 4_096,
    min: 1,
    max: 1_000_000,
    doc: "Calls that one worker has in flight to all MCP servers together. More get 503 OVERLOADED at once.",
  }),
  answerMaxBytes: bytesSetting({
    env: "GWO_MAX_ANSWER_SIZE",
    default: 32 * 1024 * 1024,
    min: 1024,
    max: 1024 ** 3,
    doc: "Most bytes of one message from an MCP server: of a JSON answer, or of one event of a stream.",
  }),
  streamsPerKey: integerSetting({
    env: "GWO_MAX_STREAMS_PER_KEY",
    default: 100,
    min: 1,
    max: 1000000,
    doc: "Streams that one key holds open at a worker: GET, and `subscriptions/listen`. More get 429 RATE_LIMITED.",
  }),
  streamsPerWorker: integerSetting({
    env: "GWO_MAX_STREAMS_PER_WORKER",
    default: 10_000,
    min: 1,
    max: 1000000,
    doc: "Streams that all keys together hold open at a worker. More get 503 OVERLOADED.",
  }),
  parkedPerKey: integerSetting({
    env: "GWO_MAX_PARKED_CALLS_PER_KEY",
    default: 100,
    min: 1,
    max: 1000000,
    doc: "Calls of one key at a worker that wait for the agent to answer what the MCP server asked.",
  }),
  parkedPerWorker: integerSetting({
    env: "GWO_MAX_PARKED_CALLS_PER_WORKER",
    default: 10_000,
    min: 1,
    max: 1000000,
    doc: "Such calls of all keys together.",
  }),
  sessionsPerKey: integerSetting({
    env: "GWO_MAX_SESSIONS_PER_KEY",
    default: 500,
    min: 1,
    max: 1000000,
    doc: "Sessions of the gateway's own with MCP servers of the legacy era, that a worker holds for one key.",
  }),
  sessionsPerWorker: integerSetting({
    env: "GWO_MAX_SESSIONS_PER_WORKER",
    default: 5_000,
    min: 1,
    max: 1000000,
    doc: "Such sessions for all keys together.",
  }),
  tracingEnabled: booleanSetting({
    env: "GWO_TRACING_ENABLED",
    yaml: "tracing.enabled",
    default: true,
    doc: "Whether child spans of calls are kept. The ledger and the call record are always kept.",
  }),
  sampleRate: fractionSetting({
    env: "GWO_SAMPLE_RATE",
    yaml: "tracing.sample_rate",
    default: 1,
    doc: "Part of the calls whose child spans are kept.",
  }),
  traceExporter: choiceSetting({
    env: "GWO_TRACE_EXPORTER",
    yaml: "tracing.exporter",
    choices: ["clickhouse"],
    default: "clickhouse",
    doc: "Where traces go.",
  }),
  logLevel: choiceSetting({
    env: "GWO_LOG_LEVEL",
    yaml: "logging.level",
    choices: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    default: "info",
    doc: "Least severe level that is logged.",
  }),
  logFormat: choiceSetting({
    env: "GWO_LOG_FORMAT",
    yaml: "logging.format",
    choices: ["json", "text"],
    default: "json",
    doc: "One JSON object a line, or text for people.",
  }),
  maskSensitive: booleanSetting({
    env: "GWO_MASK_SENSITIVE",
    yaml: "logging.mask_sensitive",
    default: true,
    doc: "Whether card numbers, social security numbers, keys and e-mail addresses are masked in log lines.",
  }),
  workers: integerSetting({
    env: "GWO_GATEWAY_WORKERS",
    default: 0,
    min: 0,
    max: 256,
    doc: "Worker processes. 0: one per core.",
  }),
  replicas: integerSetting({
    env: "GWO_GATEWAY_REPLICAS",
    default: 1,
    min: 1,
    max: 1_000,
    doc: "Gateways that share the limits. While Redis is away each worker enforces its share of them alone.",
  }),
  stateDir: stringSetting({
    env: "GWO_GATEWAY_STATE_DIR",
    default: ".gatewayops/gateway",
    doc: "Directory for the write-ahead log's default place and workers.json.",
  }),
  walDir: stringSetting({
    env: "GWO_WAL_DIR",
    default: ".gatewayops/gateway/wal",
    doc: "Directory of the write-ahead log. It must outlive the process.",
  }),
  walMaxBytes: bytesSetting({
    env: "GWO_WAL_MAX_SIZE",
    default: 1024 ** 3,
    min: 1024 ** 2,
    max: 1024 ** 4,
    doc: "Bytes of one worker's log at which new calls are refused with 503.",
  }),
  walFsync: booleanSetting({
    env: "GWO_WAL_FSYNC",
    default: false,
    doc: "Whether every frame is forced to the disk before its calls go on: safe against the host's death as well, at the disk's speed.",
  }),
  eventShards: integerSetting({
    env: "GWO_EVENT_SHARDS",
    default: 1,
    min: 1,
    max: 256,
    doc: "Redis Streams that share the record's load. The same for gateway and services.",
  }),
  streamMaxLength: integerSetting({
    env: "GWO_STREAM_MAX_LENGTH",
    default: 20_000,
    min: 10,
    max: 10_000_000,
    doc: "Entries one stream may hold; the rest waits in the write-ahead log.",
  }),
  authUrl: urlSetting({
    env: "GWO_AUTH_URL",
    protocols: ["http", "https"],
    doc: "HTTP/2 base URL of svc-auth.",
  }),
  costUrl: urlSetting({
    env: "GWO_COST_URL",
    protocols: ["http", "https"],
    doc: "HTTP/2 base URL of svc-cost.",
  }),
  traceUrl: urlSetting({
    env: "GWO_TRACE_URL",
    protocols: ["http", "https"],
    doc: "HTTP/2 base URL of svc-trace.",
  }),
  authHttpUrl: urlSetting({
    env: "GWO_AUTH_HTTP_URL",
    protocols: ["http", "https"],
    default: "",
    doc: "HTTP/1.1 base URL of svc-auth, to forward its paths to. Empty: its paths are not served here.",
  }),
  costHttpUrl: urlSetting({
    env: "GWO_COST_HTTP_URL",
    protocols: ["http", "https"],
    default: "",
    doc: "HTTP/1.1 base URL of svc-cost, to forward its paths to. Empty: its paths are not served here.",
  }),
  traceHttpUrl: urlSetting({
    env: "GWO_TRACE_HTTP_URL",
    protocols: ["http", "https"],
    default: "",
    doc: "HTTP/1.1 base URL of svc-trace, to forward its paths to. Empty: its paths are not served here.",
  }),
  consoleDir: stringSetting({
    env: "GWO_CONSOLE_DIR",
    default: "",
    doc: "Directory of the built console. Empty: it is not served here.",
  }),
  internalSecret: stringSetting({
    env: "GWO_INTERNAL_SECRET",
    pattern: /^.{32,}$/,
    doc: "Proves calls between GatewayOps processes. At least 32 characters, the same everywhere.",
    secret: true,
  }),
  sessionSecret: stringSetting({
    env: "GWO_SESSION_SECRET",
    pattern: /^.{32,}$/,
    doc: "Binds MCP sessions to their principal. At least 32 characters, the same in every gateway.",
    secret: true,
  }),
} as const;

export type GatewayConfig = ConfigOf<typeof GATEWAY_SCHEMA>;

/** Path of the operator's stdio servers in config.yaml. */
export const STDIO_YAML_PATH = "mcp_servers.stdio";

const STDIO_SCHEMA = z.record(
  z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/),
  z.strictObject({
    command: z.string().min(1),
    args: z.array(z.string()).default([]),
    env: z.record(z.string(), z.string()).default({}),
    stateless: z.boolean().default(false),
  }),
);

/**
 * The stdio servers that config.yaml lists.
 *
 * @throws ConfigError
 */
export function stdioServersFrom(
  yaml: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): StdioServer[] {
  const root = (yaml === undefined ? {} : parseYaml(yaml)) as {
    mcp_servers?: { stdio?: unknown };
  } | null;
  const listed = STDIO_SCHEMA.safeParse(expanded(root?.mcp_servers?.stdio ?? {}, env));
  if (!listed.success)
    throw new ConfigError(
      listed.error.issues.map(
        (issue) => `config.yaml: ${STDIO_YAML_PATH}.${issue.path.join(".")}: ${issue.message}`,
      ),
    );
  return Object.entries(listed.data).map(([name, server]) => ({ name, ...server }));
}

/** A YAML value with "${NAME}" replaced in every text. That a variable is not set was reported by `loadConfig`. */
function expanded(value: unknown, env: Readonly<Record<string, string | undefined>>): unknown {
  if (typeof value === "string") return expandVariables(value, env, () => undefined);
  if (Array.isArray(value)) return value.map((item) => expanded(item, env));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expanded(item, env)]));
}
