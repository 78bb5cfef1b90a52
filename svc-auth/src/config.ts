import type { ConfigOf } from "@gatewayops/platform/config";
import {
  booleanSetting,
  choiceSetting,
  integerSetting,
  stringSetting,
  urlSetting,
} from "@gatewayops/platform/settings";

const PORTS = { min: 0, max: 65_535 };

/** The settings of svc-auth. */
export const AUTH_SETTINGS = {
  postgresUrl: urlSetting({
    env: "GWO_POSTGRES_URL",
    protocols: ["postgres", "postgresql"],
    secret: true,
    doc: "PostgreSQL, version 15 or newer.",
  }),
  postgresPoolSize: integerSetting({
    env: "GWO_SVC_AUTH_POSTGRES_POOL_SIZE",
    min: 1,
    max: 1_000,
    default: 10,
    doc: "Connections to PostgreSQL at most.",
  }),
  redisUrl: urlSetting({
    env: "GWO_REDIS_URL",
    protocols: ["redis", "rediss"],
    secret: true,
    doc: "Redis, version 7 or newer.",
  }),
  host: stringSetting({
    env: "GWO_BIND_HOST",
    default: "127.0.0.1",
    doc: "Address to listen on.",
  }),
  httpPort: integerSetting({
    env: "GWO_SVC_AUTH_HTTP_PORT",
    ...PORTS,
    default: 8081,
    doc: "Port of HTTP/1.1. 0: any free one.",
  }),
  grpcPort: integerSetting({
    env: "GWO_SVC_AUTH_GRPC_PORT",
    ...PORTS,
    default: 9091,
    doc: "Port of cleartext HTTP/2. 0: any free one.",
  }),
  internalSecret: stringSetting({
    env: "GWO_INTERNAL_SECRET",
    pattern: /^.{32,}$/,
    secret: true,
    doc: "Proves that a call comes from another GatewayOps process. At least 32 characters, the same everywhere.",
  }),
  keyCacheSecret: stringSetting({
    env: "GWO_KEY_CACHE_SECRET",
    pattern: /^.{32,}$/,
    secret: true,
    doc:
      "Names and seals what Redis keeps of API keys. At least 32 characters, the same in every svc-auth. A new one " +
      "only empties the cache.",
  }),
  bcryptConcurrency: integerSetting({
    env: "GWO_SVC_AUTH_BCRYPT_CONCURRENCY",
    min: 1,
    max: 64,
    default: 2,
    doc: "Key hashes computed at once, each on a thread of its own for about 200 ms.",
  }),
  bcryptQueueMax: integerSetting({
    env: "GWO_SVC_AUTH_BCRYPT_QUEUE_MAX",
    min: 0,
    max: 10_000,
    default: 64,
    doc: "Key hashes that may wait. Above, keys are refused with AUTH_UNAVAILABLE.",
  }),
  secureCookies: booleanSetting({
    env: "GWO_SECURE_COOKIES",
    default: false,
    doc: "True: session cookies are for https only, even when X-Forwarded-Proto does not say https.",
  }),
  migrate: booleanSetting({
    env: "GWO_MIGRATE",
    default: true,
    doc: "True: brings the schema up to date at start. False: a job does, with --migrate.",
  }),
  logLevel: choiceSetting({
    env: "GWO_LOG_LEVEL",
    choices: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    default: "info",
    doc: "Least severe level that is logged.",
  }),
  logFormat: choiceSetting({
    env: "GWO_LOG_FORMAT",
    choices: ["json", "text"],
    default: "json",
    doc: "Form of log lines.",
  }),
  maskSensitive: booleanSetting({
    env: "GWO_MASK_SENSITIVE",
    default: true,
    doc: "Masks card numbers, social security numbers, keys and e-mail addresses in log lines.",
  }),
} as const;

export type AuthConfig = ConfigOf<typeof AUTH_SETTINGS>;
