import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { afterAll, describe, expect, it } from "@jest/globals";
import { Redis } from "ioredis";

import { startRedis, type RedisOptions } from "../src/redis.ts";
import { crash, createFixture, processExists } from "./engine-fixture.ts";

const fixture = createFixture();
afterAll(() => fixture.dispose());

/** The checkout's own copy, so that the test downloads it at most once. */
const enginesDir = fileURLToPath(new URL("../../.gatewayops/engines", import.meta.url));

function options(name: string): RedisOptions {
  return { ...fixture.options(name), enginesDir };
}

async function withClient<T>(url: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(url, { retryStrategy: () => null });
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

describe("startRedis", () => {
  it("starts on an empty directory, keeps writes over kill -9 and leaves no process", async () => {
    const first = await fixture.start(startRedis(options("redis")));
    await withClient(first.url, async (client) => {
      await client.xadd("stream", "1-1", "field", "value");
      expect(await client.config("GET", "maxmemory-policy")).toEqual([
        "maxmemory-policy",
        "noeviction",
      ]);
      expect(await client.config("GET", "appendfsync")).toEqual(["appendfsync", "everysec"]);
    });
    await expect(startRedis(options("redis"))).rejects.toMatchObject({
      name: "EngineError",
      message: expect.stringContaining(`process ${String(first.pid)}`),
    });
    await crash(first);

    const second = await fixture.start(startRedis(options("redis")));
    await withClient(second.url, async (client) => {
      expect(await client.xlen("stream")).toBe(1);
    });
    await second.stop();
    expect(await second.exited).toEqual({ code: 0, signal: null });
    expect(processExists(second.pid)).toBe(false);
    expect(existsSync(join(options("redis").dataDir, "engine.lock"))).toBe(false);
  }, 120_000);
});
