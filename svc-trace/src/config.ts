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
  ...CONSUMER_SETTINGS,
} satisfies Schema;

export type TraceConfig = ConfigOf<typeof schema>;
