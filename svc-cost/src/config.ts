import type { ConfigOf, Schema } from "@gatewayops/platform/config";
import { integerSetting, urlSetting } from "@gatewayops/platform/settings";
import { CONSUMER_SETTINGS } from "@gatewayops/platform/streams/consumer-settings";

/** All settings of svc-cost. */
export const schema = {
  postgresUrl: urlSetting({
    env: "GWO_POSTGRES_URL",
    protocols: ["postgres", "postgresql"],
    secret: true,
    doc: "PostgreSQL, where price rules are kept.",
  }),
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
    doc: "ClickHouse, where the ledger is kept. User, password and database may be in it.",
  }),
  httpPort: integerSetting({
    env: "GWO_SVC_COST_HTTP_PORT",
    default: 8082,
    min: 0,
    max: 65_535,
    doc: "Port of HTTP/1.1: REST, Connect, health and metrics. 0: any free one.",
  }),
  grpcPort: integerSetting({
    env: "GWO_SVC_COST_GRPC_PORT",
    default: 9092,
    min: 0,
    max: 65_535,
    doc: "Port of cleartext HTTP/2: gRPC and Connect. 0: any free one.",
  }),
  ...CONSUMER_SETTINGS,
} satisfies Schema;

export type CostConfig = ConfigOf<typeof schema>;
