import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { startRedis } from "@gatewayops/engines/redis";
import { uuidToText, uuidV7 } from "@gatewayops/platform/ids";
import { INVALIDATION_CHANNEL, parseInvalidation } from "@gatewayops/platform/invalidation";
import { migratePostgres } from "@gatewayops/platform/postgres/migrate";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { startStores, type TestStores } from "./engines.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const directory = mkdtempSync(join(tmpdir(), "gwo-svc-cost-redis-"));

let stores: TestStores;
let redisServer: Awaited<ReturnType<typeof startRedis>> | undefined;
let redisUrl: string;
let pool: Pool;

beforeAll(async () => {
  stores = await startStores();
  const { GWO_REDIS_URL } = process.env;
  if (GWO_REDIS_URL === undefined)
    redisServer = await startRedis({
      dataDir: join(directory, "redis"),
      logFile: join(directory, "redis.log"),
      port: 0,
      enginesDir: join(ROOT, ".gatewayops", "engines"),
    });
  redisUrl = redisServer?.url ?? GWO_REDIS_URL ?? "";
  pool = new Pool({ connectionString: stores.postgresUrl });
  pool.on("error", () => undefined);
}, 120_000);

afterAll(async () => {
  await pool.end();
  await Promise.all([stores.stop(), redisServer?.stop()]);
  rmSync(directory, { recursive: true, force: true });
}, 30_000);

describe("main.ts", () => {
  it("tells gateways of a price whose process was killed between storing and telling it", async () => {
    const orgId = uuidToText(uuidV7(Date.now()));
    await migratePostgres({
      pool,
      service: "svc-cost",
      directory: join(ROOT, "svc-cost", "migrations", "postgres"),
    });
    const killed = run("test/fixtures/dies-before-telling.ts", [stores.postgresUrl, orgId], {});
    expect(await killed.ended).toEqual([null, "SIGKILL"]);
    expect(await count("price_rules", orgId)).toBe(1);
    expect(await count("pending_price_changes", orgId)).toBe(1);

    const gateway = new Redis(redisUrl);
    await gateway.subscribe(INVALIDATION_CHANNEL);
    const heard = new Promise<unknown>((resolve) => {
      gateway.on("message", (_, message: string) => {
        const change = parseInvalidation(message)?.change;
        if (change?.orgId === orgId) resolve(change);
      });
    });
    const main = run("src/main.ts", [], {
      GWO_POSTGRES_URL: stores.postgresUrl,
      GWO_CLICKHOUSE_URL: stores.clickhouseUrl,
      GWO_REDIS_URL: redisUrl,
      GWO_AUTH_URL: "http://127.0.0.1:9",
      GWO_INTERNAL_SECRET: "an internal secret for tests, 32+ chars",
      GWO_SVC_COST_HTTP_PORT: "0",
      GWO_SVC_COST_GRPC_PORT: "0",
    });
    const early = main.ended.then(() => Promise.reject(new Error(`it ended: ${main.output()}`)));
    expect(await Promise.race([heard, early])).toEqual({ kind: "prices", orgId });
    main.child.kill("SIGTERM");
    expect(await main.ended).toEqual([0, null]);
    expect(await count("pending_price_changes", orgId)).toBe(0);
    gateway.disconnect();
  }, 60_000);
});

async function count(table: string, orgId: string): Promise<number> {
  const { rowCount } = await pool.query(`SELECT 1 FROM ${table} WHERE org_id = $1`, [orgId]);
  return rowCount ?? 0;
}

/** Runs a file of this service with this environment only. */
function run(file: string, args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [join(ROOT, "svc-cost", file), ...args], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString();
    });
  return { child, output: () => text, ended: once(child, "close") };
}
