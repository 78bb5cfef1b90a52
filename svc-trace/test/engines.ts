import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startClickHouse } from "@gatewayops/engines/clickhouse";

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
