import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { startClickHouse } from "@gatewayops/engines/clickhouse";
import { createClickHouse, type ClickHouse } from "@gatewayops/platform/clickhouse/clickhouse";
import { migrateClickHouse } from "@gatewayops/platform/clickhouse/migrate";
import type { CallCompletion } from "@gatewayops/proto/gatewayops/events/v1/call_record_pb";
import { createClickHouseRecordStore } from "../src/calls/record-store.clickhouse.ts";
import { createRecorder } from "../src/calls/recorder.ts";
import type { RetentionBook } from "../src/calls/retention.ts";
import { createClickHouseTraceStore } from "../src/traces/trace-store.clickhouse.ts";
import type { TraceStore } from "../src/traces/trace-store.ts";

/** The store for a test: that of GWO_CLICKHOUSE_URL, else an embedded one of its own. */
export type TestStore = { readonly clickhouseUrl: string; stop(): Promise<void> };

export async function startStore(): Promise<TestStore> {
  const { GWO_CLICKHOUSE_URL: clickhouseUrl } = process.env;
  if (clickhouseUrl !== undefined) return { clickhouseUrl, stop: () => Promise.resolve() };
  const directory = mkdtempSync(join(tmpdir(), "gwo-svc-trace-"));
  const clickhouse = await startClickHouse({
    dataDir: join(directory, "clickhouse"),
    logFile: join(directory, "clickhouse.log"),
    port: 0,
  });
  return {
    clickhouseUrl: clickhouse.url,
    async stop() {
      await clickhouse.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** What a recorder goes by in tests that are of something else. */
export const KEPT_90_DAYS: RetentionBook = { resolve: () => Promise.resolve(() => 90) };

/** The schema on a store of its own, a recorder and a reader. */
export type OpenTraces = {
  readonly clickhouse: ClickHouse;
  readonly traces: TraceStore;
  /** Stores records, none of which has a name. */
  readonly record: (records: readonly CallCompletion[]) => Promise<void>;
  close(): Promise<void>;
};

/** @param retention what the recorder goes by */
export async function openTraces(retention: RetentionBook = KEPT_90_DAYS): Promise<OpenTraces> {
  const engine = await startStore();
  const client = createClient({
    url: engine.clickhouseUrl,
    log: { level: ClickHouseLogLevel.OFF },
  });
  const clickhouse = createClickHouse({ client, service: "test" });
  const directory = fileURLToPath(new URL("../migrations/clickhouse", import.meta.url));
  await migrateClickHouse({ clickhouse, service: "svc-trace", directory });
  return {
    clickhouse,
    traces: createClickHouseTraceStore(clickhouse),
    record: createRecorder(
      createClickHouseRecordStore(clickhouse, () => Date.now()),
      () => undefined,
      retention,
    ),
    async close() {
      await client.close();
      await engine.stop();
    },
  };
}
