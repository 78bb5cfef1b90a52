import { fileURLToPath } from "node:url";

import type { StartReport } from "./clickhouse/main.ts";
import { makeDataDirectory } from "./data-directory.ts";
import { EngineError, type EngineHandle, type EngineOptions } from "./engine.ts";
import { endedError, startProcess } from "./engine-process.ts";
import { LOOPBACK } from "./ports.ts";

const NAME = "ClickHouse";
const MAIN = fileURLToPath(new URL("./clickhouse/main.ts", import.meta.url));
const STOP_GRACE_MS = 15_000;

/**
 * Starts the embedded ClickHouse in a process of its own and waits until it answers.
 *
 * An acknowledged INSERT survives a kill of that process. It does not survive a crash of the
 * machine unless the table sets `fsync_after_insert`.
 *
 * @throws EngineError when the port is taken, the directory is in use or the library does not load.
 */
export async function startClickHouse(options: EngineOptions): Promise<EngineHandle> {
  makeDataDirectory(options.dataDir, 0o700);
  const engine = await startProcess({
    name: NAME,
    file: process.execPath,
    args: [
      "--disable-warning=ExperimentalWarning",
      MAIN,
      "--data",
      options.dataDir,
      "--port",
      String(options.port),
    ],
    // Every running query holds one thread of the pool; bodies are decompressed there too.
    env: { ...process.env, UV_THREADPOOL_SIZE: "8", NODE_OPTIONS: "", TZ: "UTC" },
    cwd: options.dataDir,
    logFile: options.logFile,
    ipc: true,
  });
  const message = await new Promise<StartReport | undefined>((resolve) => {
    engine.child.once("message", (value) => {
      resolve(value as StartReport);
    });
    void engine.exited.then(() => {
      resolve(undefined);
    });
  });
  if (message?.kind === "ready") {
    return {
      url: `http://${LOOPBACK}:${String(message.port)}`,
      pid: engine.pid,
      stop: () => engine.stop("SIGTERM", STOP_GRACE_MS),
      exited: engine.exited,
    };
  }
  if (message === undefined) throw await endedError(NAME, engine, options.logFile);
  await engine.exited;
  throw new EngineError(message.message, message.nextStep);
}
