import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import { makeDataDirectory } from "./data-directory.ts";
import { lockDirectory } from "./directory-lock.ts";
import type { EngineHandle, EngineOptions } from "./engine.ts";
import { startProcess, waitUntilReady, type EngineProcess } from "./engine-process.ts";
import { choosePort, LOOPBACK } from "./ports.ts";
import { findRedis } from "./redis-binary.ts";

export type RedisOptions = EngineOptions & {
  /** Where a private copy of Redis is kept (`<enginesDir>/redis`) when the machine has none. */
  readonly enginesDir: string;
};

const NAME = "Redis";
const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 15_000;

/**
 * Starts Redis (or Valkey) on loopback and waits until it has loaded its data.
 *
 * Everything is kept in an append-only file synced every second: a killed process loses nothing it
 * acknowledged, a crashed machine up to two seconds. Nothing is ever evicted: a full memory refuses
 * writes.
 *
 * @throws EngineError when the port is taken, the directory is in use or no server can be had.
 */
export async function startRedis(options: RedisOptions): Promise<EngineHandle> {
  makeDataDirectory(options.dataDir, 0o700);
  const binary = await findRedis({
    enginesDir: options.enginesDir,
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  const lock = lockDirectory(options.dataDir, NAME);
  let engine: EngineProcess;
  let port: number;
  try {
    port = await choosePort(options.port, NAME);
    const config = join(options.dataDir, "redis.conf");
    writeFileSync(config, configOf(options.dataDir, port), { mode: 0o600 });
    engine = await startProcess({
      name: NAME,
      file: binary.file,
      args: [config],
      env: { ...process.env, ...binary.env },
      cwd: options.dataDir,
      logFile: options.logFile,
    });
    lock.handTo(engine.pid);
  } catch (error) {
    lock.release();
    throw error;
  }
  void engine.exited.then(() => {
    lock.release();
  });
  await waitUntilReady(
    NAME,
    engine,
    { timeoutMs: READY_TIMEOUT_MS, logFile: options.logFile },
    () => answersPing(port),
  );
  return {
    url: `redis://${LOOPBACK}:${String(port)}`,
    pid: engine.pid,
    stop: () => engine.stop("SIGTERM", STOP_GRACE_MS),
    exited: engine.exited,
  };
}

/** Written to a file, because a path on the command line cannot be quoted for Redis' own parser. */
function configOf(dataDir: string, port: number): string {
  return [
    `port ${String(port)}`,
    `bind ${LOOPBACK}`,
    "protected-mode yes",
    `dir ${JSON.stringify(dataDir)}`,
    `pidfile ${JSON.stringify(join(dataDir, "redis.pid"))}`,
    "daemonize no",
    "appendonly yes",
    "appendfsync everysec",
    // The last write of a killed process may be cut off in the file; what was acknowledged is not.
    "aof-load-truncated yes",
    'save ""',
    "maxmemory-policy noeviction",
    'logfile ""',
    "",
  ].join("\n");
}

/** True once the server answers PONG; while it still loads its file it answers an error. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: LOOPBACK });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => {
      finish(false);
    });
    socket.once("error", () => {
      finish(false);
    });
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", (bytes) => {
      finish(bytes.toString("latin1").startsWith("+PONG"));
    });
  });
}
