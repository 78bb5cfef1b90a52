import { fileURLToPath } from "node:url";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { createClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import { createNameResolver } from "@gatewayops/platform/names";
import { silentStores, untilReachable } from "@gatewayops/platform/postgres/until-reachable";
import { createQueryMetrics } from "@gatewayops/platform/query-metrics";
import { createInternalClient, createRemoteAuthenticator } from "@gatewayops/platform/rpc/client";
import { startRpcServer } from "@gatewayops/platform/rpc/server";
import { runService, type ServiceRun } from "@gatewayops/platform/service-process";
import { startStreamConsumer } from "@gatewayops/platform/streams/consumer";
import { InternalAuthService } from "@gatewayops/proto/gatewayops/auth/v1/internal_service_pb";
import { Redis } from "ioredis";
import { collectDefaultMetrics, Registry } from "prom-client";
import { createClickHouseRecordStore } from "./calls/record-store.clickhouse.ts";
import { createRecorder } from "./calls/recorder.ts";
import { createRetentionBook } from "./calls/retention.ts";
import { schema } from "./config.ts";
import { countingTraces, createOtlpMetrics, createTailMetrics } from "./metrics.ts";
import { createOtlpExporter, type OtlpExporter } from "./otlp/otlp-exporter.ts";
import { createGrpcTransport } from "./otlp/otlp-grpc.ts";
import { createHttpTransport } from "./otlp/otlp-http.ts";
import { createRequestMaker } from "./otlp/otlp-request.ts";
import { headersFrom } from "./otlp/otlp-transport.ts";
import { SERVICES, traceRoutes } from "./service.ts";
import { createTailHub } from "./tail/tail-hub.ts";
import { createClickHouseTraceStore } from "./traces/trace-store.clickhouse.ts";

const SERVICE = "svc-trace";

await runService(
  { service: SERVICE, settings: schema, env: process.env, exit: (code) => process.exit(code) },
  start,
);

async function start({ config, log, lifecycle }: ServiceRun<typeof schema>): Promise<void> {
  const onlyMigrate = process.argv.includes("--migrate");
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const clickhouseClient = createClient({
    url: config.clickhouseUrl,
    // It would write errors, with statements, to the console; they are logged where they are caught.
    log: { level: ClickHouseLogLevel.OFF },
  });
  lifecycle.onClose("clickhouse", () => clickhouseClient.close());
  const clickhouse = createClickHouse({
    client: clickhouseClient,
    service: SERVICE,
    observe: createQueryMetrics(registry)("clickhouse"),
  });

  const clickhouseStore = {
    name: "ClickHouse",
    setting: "GWO_CLICKHOUSE_URL",
    probe: () => clickhouse.select("probe", "SELECT 1"),
  };
  await untilReachable([clickhouseStore], { log, signal: lifecycle.signal });
  if (config.migrate || onlyMigrate) await migrate();
  if (onlyMigrate) {
    await lifecycle.close();
    return;
  }

  const redis = connectRedis("redis");
  const redisStore = { name: "Redis", setting: "GWO_REDIS_URL", probe: () => redis.ping() };
  await untilReachable([redisStore], { log, signal: lifecycle.signal });

  const { internalSecret } = config;
  const auth = createInternalClient(InternalAuthService, {
    baseUrl: config.authUrl,
    internalSecret,
  });
  const names = createNameResolver({
    lookUp: (request) => auth.resolveNames(request),
    log,
    now: () => performance.now(),
  });
  const store = countingTraces(
    registry,
    createRecorder(
      createClickHouseRecordStore(clickhouse, () => Date.now()),
      (orgId, ref) => names.cached(orgId, ref),
      createRetentionBook({
        lookUp: (request) => auth.resolveOrganization(request),
        log,
        now: () => performance.now(),
      }),
    ),
  );
  const traces = createClickHouseTraceStore(clickhouse);

  const server = await startRpcServer({
    services: SERVICES,
    routes: traceRoutes({
      traces,
      names,
      tail: createTailHub({
        store: traces,
        log,
        signal: lifecycle.signal,
        maxStreams: config.tailMaxStreams,
        maxStreamsPerOrg: config.tailMaxStreamsPerOrg,
        observe: createTailMetrics(registry),
      }),
      now: () => Date.now(),
    }),
    authenticate: createRemoteAuthenticator({
      baseUrl: config.authUrl,
      internalSecret,
      now: () => performance.now(),
    }),
    internalSecret,
    host: config.bindHost,
    httpPort: config.httpPort,
    grpcPort: config.grpcPort,
    notReady: () => silentStores([clickhouseStore, redisStore]),
    log,
    registry,
  });

  const otlp = startOtlp();
  for (let shard = 0; shard < config.eventShards; shard += 1) {
    const consumer = startStreamConsumer({
      redis,
      blockingRedis: connectRedis(`redis reads of shard ${shard}`),
      consumer: "trace",
      shard,
      store,
      ...(otlp ? { onCommitted: otlp.push } : {}),
      log,
      registry,
      signal: lifecycle.signal,
      batchMaxRecords: config.batchMaxRecords,
      batchMaxMs: config.batchMaxMs,
      leaseMs: config.leaseMs,
    });
    lifecycle.onClose(`consumer of shard ${shard}`, () => consumer.done);
  }
  lifecycle.onClose("server", () => server.close());
  log.info({ httpPort: server.httpPort, grpcPort: server.grpcPort }, "ready");

  async function migrate(): Promise<void> {
    const directory = fileURLToPath(new URL("../migrations/clickhouse", import.meta.url));
    const tables = await migrateClickHouse({ clickhouse, service: SERVICE, directory });
    log.info({ clickhouse: tables }, "the schema is up to date");
  }

  function startOtlp(): OtlpExporter | undefined {
    if (config.otlpEndpoint === "") return undefined;
    const create = config.otlpProtocol === "grpc" ? createGrpcTransport : createHttpTransport;
    const exporter = createOtlpExporter({
      transport: create({
        endpoint: config.otlpEndpoint,
        headers: headersFrom(config.otlpHeaders),
        timeoutMs: config.otlpTimeoutMs,
      }),
      requestOf: createRequestMaker(names, config.otlpServiceName),
      observe: createOtlpMetrics(registry),
      log,
      queueMaxCalls: config.otlpQueueCalls,
      requestsMax: config.otlpRequests,
    });
    // Closed after the consumers, which put their last calls into it.
    lifecycle.onClose("OTLP export", () => exporter.close());
    return exporter;
  }

  function connectRedis(name: string): Redis {
    // Commands fail soon rather than wait: whoever sent them starts again from what Redis holds.
    const client = new Redis(config.redisUrl, { maxRetriesPerRequest: 2 });
    client.on("error", (error: Error) => {
      log.debug({ err: error }, `${name}: connection error`);
    });
    lifecycle.onClose(name, () => {
      client.disconnect();
    });
    return client;
  }
}
