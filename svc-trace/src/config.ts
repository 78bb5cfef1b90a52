import type { ConfigOf, Schema } from "@gatewayops/platform/config";
import {
  choiceSetting,
  durationSetting,
  integerSetting,
  stringSetting,
  urlSetting,
} from "@gatewayops/platform/settings";
import { CONSUMER_SETTINGS } from "@gatewayops/platform/streams/consumer-settings";

/** Where the spans of calls are sent as well. */
const OTLP_SETTINGS = {
  otlpEndpoint: urlSetting({
    env: "GWO_OTLP_ENDPOINT",
    default: "",
    protocols: ["http", "https"],
    doc: 'Receiver that gets the spans of all calls of all organisations by OTLP, for example "http://127.0.0.1:4318" (http/protobuf, to `/v1/traces` below it) or "http://127.0.0.1:4317" (grpc). Empty: they are sent nowhere.',
  }),
  otlpProtocol: choiceSetting({
    env: "GWO_OTLP_PROTOCOL",
    default: "http/protobuf",
    choices: ["http/protobuf", "grpc"],
    doc: "Protocol of the receiver.",
  }),
  otlpHeaders: stringSetting({
    env: "GWO_OTLP_HEADERS",
    default: "",
    pattern: /^([A-Za-z0-9-]+=[^,]*(,|$))*$/,
    secret: true,
    doc: 'Headers sent with each request, as "name=value,other=value", values percent-encoded where they must be. Usually a key.',
  }),
  otlpTimeoutMs: durationSetting({
    env: "GWO_OTLP_TIMEOUT",
    default: 10_000,
    min: 100,
    max: 300_000,
    doc: "Time one request may take.",
  }),
  otlpQueueCalls: integerSetting({
    env: "GWO_OTLP_QUEUE_CALLS",
    default: 20_000,
    min: 1,
    max: 1_000_000,
    doc: "Calls that wait to be sent while the receiver is slow or away, a few KB each. More are left out and counted; the record is not concerned.",
  }),
  otlpRequests: integerSetting({
    env: "GWO_OTLP_MAX_REQUESTS",
    default: 2,
    min: 1,
    max: 64,
    doc: "Requests in flight at the same time, of up to 256 calls each.",
  }),
  otlpServiceName: stringSetting({
    env: "GWO_OTLP_SERVICE_NAME",
    default: "gatewayops",
    pattern: /^.{1,255}$/,
    doc: "`service.name` of the spans.",
  }),
} satisfies Schema;

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
  ...OTLP_SETTINGS,
  ...CONSUMER_SETTINGS,
} satisfies Schema;

export type TraceConfig = ConfigOf<typeof schema>;
