import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startRedis } from "@gatewayops/engines/redis";

/** A real Redis of the test's own, which it may kill. */
export type OwnRedis = {
  readonly url: string;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
};

const ENGINES_DIR = fileURLToPath(new URL("../../.gatewayops/engines", import.meta.url));

export async function startOwnRedis(): Promise<OwnRedis> {
  const directory = mkdtempSync(join(tmpdir(), "gwo-redis-"));
  const start = (port: number) =>
    startRedis({
      dataDir: join(directory, "redis"),
      logFile: join(directory, "redis.log"),
      enginesDir: ENGINES_DIR,
      port,
    });
  let engine = await start(0);
  const { url } = engine;
  return {
    url,
    async kill() {
      process.kill(engine.pid, "SIGKILL");
      await engine.exited;
    },
    async restart() {
      engine = await start(Number(new URL(url).port));
    },
    async stop() {
      await engine.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Waits until a condition holds. The deadline is for the test that fails, not for the one that passes. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs = 15_000,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Waited ${deadlineMs} ms in vain until ${what}.`);
    await delay(10);
  }
}
