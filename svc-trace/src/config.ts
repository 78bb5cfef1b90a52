import type { ConfigOf, Schema } from "@gatewayops/platform/config";
import { integerSetting, urlSetting } from "@gatewayops/platform/settings";
import { CONSUMER_SETTINGS } from "@gatewayops/platform/streams/consumer-settings";

/** All settings of svc-trace. */
export const schema = {
  redisUrl: urlSetting({
    env: "GWO_REDIS_URL",
    protocols: ["redis", "rediss"],
    secret: true,
    doc: "Redis, where the gateway's records come from.",
  }),
  clickhouseUrl: urlSetting({
    env: "GWO_CLICKHOUSE_URL",
    protocols: ["http", "https"],
    secret: true,
    doc: "ClickHouse, where calls, spans and traces are kept. User, password and database may be in it.",
  }),
  httpPort: integerSetting({
    env: "GWO_SVC_TRACE_HTTP_PORT",
    default: 8083,
    min: 0,
    max: 65_535,
    doc: "Port of HTTP/1.1: REST, Connect, health and metrics. 0: any free one.",
  }),
  grpcPort: integerSetting({
    env: "GWO_SVC_TRACE_GRPC_PORT",
    default: 9093,
    min: 0,
    max: 65_535,
    doc: "Port of cleartext HTTP/2: gRPC and Connect. 0: any free one.",
  }),
  tailMaxStreams: integerSetting({
    env: "GWO_TAIL_MAX_STREAMS",
    default: 64,
    min: 1,
    max: 10_000,
    doc: "Streams of new calls (TailTraces, `gwo tail`) that are open at a replica. More get 503 OVERLOADED.",
  }),
  tailMaxStreamsPerOrg: integerSetting({
    env: "GWO_TAIL_MAX_STREAMS_PER_ORG",
    default: 16,
    min: 1,
    max: 10_000,
    doc: "Those of one organisation. More get 429 RATE_LIMITED.",
  }),
  ...CONSUMER_SETTINGS,
} satisfies Schema;

export type TraceConfig = ConfigOf<typeof schema>;
