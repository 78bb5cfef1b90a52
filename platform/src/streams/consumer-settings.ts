import type { Schema } from "../config.ts";
import {
  booleanSetting,
  choiceSetting,
  durationSetting,
  integerSetting,
  stringSetting,
  urlSetting,
} from "../settings.ts";

/** The settings that every service which consumes the event streams has alike. */
export const CONSUMER_SETTINGS = {
  authUrl: urlSetting({
    env: "GWO_AUTH_URL",
    protocols: ["http", "https"],
    doc: "HTTP/2 port of svc-auth, which knows callers and names.",
  }),
  internalSecret: stringSetting({
    env: "GWO_INTERNAL_SECRET",
    pattern: /^.{32,}$/s,
    secret: true,
    doc: "Secret by which GatewayOps processes know each other, at least 32 characters.",
  }),
  bindHost: stringSetting({
    env: "GWO_BIND_HOST",
    default: "127.0.0.1",
    doc: "Address the ports are opened on.",
  }),
  eventShards: integerSetting({
    env: "GWO_EVENT_SHARDS",
    default: 1,
    min: 1,
    max: 256,
    doc: "Number of event streams. The same in every process.",
  }),
  batchMaxRecords: integerSetting({
    env: "GWO_EVENT_BATCH_RECORDS",
    default: 10_000,
    min: 1,
    max: 100_000,
    doc: "Records that are stored at once without waiting for more.",
  }),
  batchMaxMs: durationSetting({
    env: "GWO_EVENT_BATCH_TIME",
    default: 1_000,
    min: 1,
    max: 10_000,
    doc: "Time that records of a steady flow wait for others to be stored with. After a pause they are stored at once.",
  }),
  leaseMs: durationSetting({
    env: "GWO_EVENT_LEASE_TIME",
    default: 10_000,
    min: 1_000,
    max: 300_000,
    doc: "Time after which another replica takes over from one that went silent.",
  }),
  migrate: booleanSetting({
    env: "GWO_MIGRATE",
    default: true,
    doc: "Whether the schemas are brought up to date at start.",
  }),
  logLevel: choiceSetting({
    env: "GWO_LOG_LEVEL",
    default: "info",
    choices: ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    doc: "Least severe level that is logged.",
  }),
  logFormat: choiceSetting({
    env: "GWO_LOG_FORMAT",
    default: "json",
    choices: ["json", "text"],
    doc: "Form of the log's lines.",
  }),
  maskSensitive: booleanSetting({
    env: "GWO_MASK_SENSITIVE",
    default: true,
    doc: "Whether card numbers, keys and e-mail addresses are masked in the log.",
  }),
} satisfies Schema;
