import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startClickHouse } from "@gatewayops/engines/clickhouse";
import { startPostgres } from "@gatewayops/engines/postgres";

/** Stores for a test: those of GWO_CLICKHOUSE_URL and GWO_POSTGRES_URL, else embedded ones of its own. */
export type TestStores = {
  readonly clickhouseUrl: string;
  readonly postgresUrl: string;
  stop(): Promise<void>;
};

export async function startStores(): Promise<TestStores> {
  const { GWO_CLICKHOUSE_URL: clickhouseUrl, GWO_POSTGRES_URL: postgresUrl } = process.env;
  if (clickhouseUrl !== undefined && postgresUrl !== undefined)
    return { clickhouseUrl, postgresUrl, stop: () => Promise.resolve() };
  const directory = mkdtempSync(join(tmpdir(), "gwo-svc-cost-"));
  const engineOptions = (name: string) => ({
    dataDir: join(directory, name),
    logFile: join(directory, `${name}.log`),
    port: 0,
  });
  const clickhouse = await startClickHouse(engineOptions("clickhouse"));
  const postgres = await startPostgres(engineOptions("postgres"));
  return {
    clickhouseUrl: clickhouse.url,
    postgresUrl: postgres.url,
    async stop() {
      await Promise.all([clickhouse.stop(), postgres.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
