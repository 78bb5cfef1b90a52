import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPostgres } from "@gatewayops/engines/postgres";
import { startRedis } from "@gatewayops/engines/redis";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { Redis } from "ioredis";
import pg from "pg";

/** Real stores for a test: those of GWO_POSTGRES_URL and GWO_REDIS_URL, else embedded ones of its own. */
export type TestEngines = {
  readonly pool: pg.Pool;
  readonly redis: Redis;
  readonly postgresUrl: string;
  readonly redisUrl: string;
  stop(): Promise<void>;
};

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Starts both and migrates a database of the test's own. */
export async function startEngines(): Promise<TestEngines> {
  const directory = mkdtempSync(join(tmpdir(), "gwo-svc-auth-"));
  const engineOptions = (name: string) => ({
    dataDir: join(directory, name),
    logFile: join(directory, `${name}.log`),
    port: 0,
  });
  const { GWO_POSTGRES_URL, GWO_REDIS_URL } = process.env;
  const postgres =
    GWO_POSTGRES_URL === undefined ? await startPostgres(engineOptions("postgres")) : undefined;
  const redisServer =
    GWO_REDIS_URL === undefined
      ? await startRedis({
          ...engineOptions("redis"),
          enginesDir: join(ROOT, ".gatewayops", "engines"),
        })
      : undefined;
  const serverUrl = postgres?.url ?? GWO_POSTGRES_URL ?? "";
  const redisUrl = redisServer?.url ?? GWO_REDIS_URL ?? "";
  const postgresUrl = await createDatabase(serverUrl);
  const pool = new pg.Pool({ connectionString: postgresUrl, connectionTimeoutMillis: 2_000 });
  pool.on("error", () => undefined); // The server is stopped at the end of the test.
  await migratePostgres({
    pool,
    service: "svc-auth",
    directory: join(ROOT, "svc-auth", "migrations", "postgres"),
  });
  const redis = new Redis(redisUrl);
  return {
    pool,
    redis,
    postgresUrl,
    redisUrl,
    async stop() {
      await pool.end();
      redis.disconnect();
      await Promise.all([postgres?.stop(), redisServer?.stop()]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function createDatabase(serverUrl: string): Promise<string> {
  const name = `svc_auth_test_${process.pid}_${Date.now()}`;
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`CREATE DATABASE ${name}`);
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}
