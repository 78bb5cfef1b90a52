import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import pg from "pg";
import { collectDefaultMetrics, Registry } from "prom-client";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { publishInvalidation } from "@gatewayops/platform/invalidation";
import type { Lifecycle } from "@gatewayops/platform/lifecycle";
import type { Logger } from "@gatewayops/platform/log";
import { createDatabase } from "@gatewayops/platform/postgres/database";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { silentStores, untilReachable } from "@gatewayops/platform/postgres/until-reachable";
import { createQueryMetrics } from "@gatewayops/platform/query-metrics";
import { repeat } from "@gatewayops/platform/repeat";
import { publishAdminEvent } from "@gatewayops/platform/streams/admin-events";
import { startRpcServer } from "@gatewayops/platform/rpc/server";
import { runService } from "@gatewayops/platform/service-process";
import { AUTH_SETTINGS, type AuthConfig } from "./config.ts";
import { createRedisKeyCache } from "./keys/key-cache.redis.ts";
import { createKeyCipher } from "./keys/key-cipher.ts";
import { createBcryptKeyHasher } from "./keys/key-hasher.ts";
import { createAuthMetrics } from "./metrics.ts";
import { createAuthService } from "./service.ts";
import { createPasswordHasher } from "./sessions/password-hasher.ts";
import { createRedisSessionStore } from "./sessions/session-store.redis.ts";
import { createRedisSignInCounters } from "./sessions/sign-in-counters.redis.ts";
import { createPostgresStores } from "./stores.ts";

const SERVICE = "svc-auth";
const MIGRATIONS = fileURLToPath(new URL("../migrations/postgres", import.meta.url));
/** Milliseconds a command to Redis may take: validations go on without it. */
const REDIS_COMMAND_TIMEOUT_MS = 500;
const REDIS_RETRY_MAX_MS = 1_000;
const REDIS_CONNECT_TIMEOUT_MS = 3_000;
const POSTGRES_CONNECT_TIMEOUT_MS = 3_000;
/** Milliseconds a statement may take. Migrations run without this bound. */
const POSTGRES_STATEMENT_TIMEOUT_MS = 5_000;
const SWEEP_MS = 1_000;
const LAST_USED_MS = 5_000;
const COUNT_MS = 30_000;

await runService(
  {
    service: SERVICE,
    settings: AUTH_SETTINGS,
    env: process.env,
    exit: (code) => process.exit(code),
  },
  async ({ config, log, lifecycle }) => {
    if (!process.argv.includes("--migrate")) {
      await serve(config, lifecycle, log);
      return;
    }
    await migrate(config, lifecycle, log);
    await lifecycle.close();
  },
);

async function migrate(config: AuthConfig, lifecycle: Lifecycle, log: Logger): Promise<void> {
  const pool = createPool(config, lifecycle, log, { max: 1 });
  await untilReachable([postgresNeed(pool)], { log, signal: lifecycle.signal });
  const { version, applied } = await migratePostgres({
    pool,
    service: SERVICE,
    directory: MIGRATIONS,
  });
  log.info({ version, applied }, "the schema is up to date");
}

async function serve(config: AuthConfig, lifecycle: Lifecycle, log: Logger): Promise<void> {
  if (config.migrate) await migrate(config, lifecycle, log);
  const pool = createPool(config, lifecycle, log, {
    max: config.postgresPoolSize,
    statement_timeout: POSTGRES_STATEMENT_TIMEOUT_MS,
    query_timeout: POSTGRES_STATEMENT_TIMEOUT_MS,
  });
  const redis = createRedis(config, lifecycle, log);
  await untilReachable([postgresNeed(pool), redisNeed(redis)], { log, signal: lifecycle.signal });
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = createAuthMetrics(registry);
  const database = createDatabase({ pool, observe: createQueryMetrics(registry)("postgres") });
  const cipher = createKeyCipher(config.keyCacheSecret);
  const now = (): number => Date.now();
  const service = createAuthService({
    stores: createPostgresStores(database),
    keyCache: createRedisKeyCache({
      redis,
      cipher,
      now,
      onAway(error) {
        metrics.cacheFailed();
        log.warn({ err: error }, "Redis does not answer; keys are checked in PostgreSQL");
      },
    }),
    sessions: createRedisSessionStore(redis),
    signInCounters: createRedisSignInCounters(redis),
    keyHasher: createBcryptKeyHasher({
      concurrency: config.bcryptConcurrency,
      waitingMax: config.bcryptQueueMax,
      typicalMs: 250,
    }),
    passwordHasher: createPasswordHasher({ concurrency: 1, waitingMax: 64, typicalMs: 50 }),
    fingerprint: (key) => cipher.fingerprint(key),
    broadcast: (change) => publishInvalidation({ eval: (...args) => redis.eval(...args) }, change),
    raise: (event) => publishAdminEvent({ xadd: (...args) => redis.xadd(...args) }, event),
    observeEvent: (kind) => {
      metrics.raised(kind);
    },
    secureCookies: config.secureCookies,
    observeValidation: (source, result) => {
      metrics.validated(source, result);
    },
    observeActivity: (counts) => {
      metrics.active(counts);
    },
    now,
    newId: () => uuidToText(uuidV7(Date.now())),
    log,
  });
  lifecycle.onClose("last uses", () => service.writeLastUses());
  repeat({ name: "last uses", everyMs: LAST_USED_MS, work: service.writeLastUses, lifecycle, log });
  repeat({ name: "key counts", everyMs: COUNT_MS, work: service.countActivity, lifecycle, log });
  repeat({ name: "changes", everyMs: SWEEP_MS, work: service.sweepChanges, lifecycle, log });
  const server = await startRpcServer({
    ...service,
    internalSecret: config.internalSecret,
    host: config.host,
    httpPort: config.httpPort,
    grpcPort: config.grpcPort,
    // Redis is not needed: without it keys are checked in PostgreSQL, and only sign-in and sessions wait for it.
    notReady: () =>
      silentStores([{ name: "PostgreSQL", probe: () => database.query("probe", "SELECT 1", []) }]),
    log,
    registry,
  });
  lifecycle.onClose("servers", () => server.close());
  log.info({ host: config.host, http_port: server.httpPort, grpc_port: server.grpcPort }, "ready");
}

function createPool(
  config: AuthConfig,
  lifecycle: Lifecycle,
  log: Logger,
  options: pg.PoolConfig,
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: config.postgresUrl,
    connectionTimeoutMillis: POSTGRES_CONNECT_TIMEOUT_MS,
    application_name: SERVICE,
    ...options,
  });
  // An idle connection that the server ends is replaced at the next query.
  pool.on("error", (error) => {
    log.warn({ err: error }, "a connection to PostgreSQL was lost");
  });
  lifecycle.onClose("postgres", () => pool.end());
  return pool;
}

function createRedis(config: AuthConfig, lifecycle: Lifecycle, log: Logger): Redis {
  const redis = new Redis(config.redisUrl, {
    connectionName: SERVICE,
    commandTimeout: REDIS_COMMAND_TIMEOUT_MS,
    // A command fails at once while there is no connection, instead of waiting for one.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * 50, REDIS_RETRY_MAX_MS),
  });
  redis.on("error", (error: Error) => {
    log.debug({ err: error }, "connection to Redis");
  });
  lifecycle.onClose("redis", () => {
    redis.disconnect();
  });
  return redis;
}

function postgresNeed(pool: pg.Pool) {
  return {
    name: "PostgreSQL",
    setting: "GWO_POSTGRES_URL",
    probe: () => pool.query("SELECT 1"),
  };
}

function redisNeed(redis: Redis) {
  return {
    name: "Redis",
    setting: "GWO_REDIS_URL",
    async probe() {
      if (redis.status !== "ready")
        await once(redis, "ready", { signal: AbortSignal.timeout(REDIS_CONNECT_TIMEOUT_MS) });
      await redis.ping();
    },
  };
}
