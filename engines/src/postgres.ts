import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { makeDataDirectory } from "./data-directory.ts";
import { lockDirectory } from "./directory-lock.ts";
import type { EngineHandle, EngineOptions } from "./engine.ts";
import { EngineError } from "./engine.ts";
import { delay, startProcess, waitUntilReady, type EngineProcess } from "./engine-process.ts";
import { choosePort, LOOPBACK } from "./ports.ts";
import { chooseAccount, type Account } from "./postgres/account.ts";
import { findPostgres, type PostgresBinaries } from "./postgres/binaries.ts";
import { DATABASE, prepareCluster, serverEnv, SUPERUSER } from "./postgres/cluster.ts";
import { identityOf, isRunning, programOf } from "./process-identity.ts";

const NAME = "PostgreSQL";
const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 20_000;
/** How long the processes of a killed server may take to notice that it is gone. */
const ORPHANS_TIMEOUT_MS = 10_000;

/**
 * Starts PostgreSQL on loopback with a database `gatewayops` and waits until it accepts
 * connections. Commits are synced to disk. The URL holds the generated password.
 *
 * Run by root, the server runs as account `postgres` or `nobody` (see postgres/account.ts).
 *
 * @throws EngineError when the port is taken, the directory is in use, the binaries are missing or
 * the server cannot reach its files.
 */
export async function startPostgres(options: EngineOptions): Promise<EngineHandle> {
  // Others may pass, not look: as root the server is another user. The files inside are closed.
  makeDataDirectory(options.dataDir, 0o711);
  const binaries = findPostgres();
  const account = chooseAccount([binaries.postgres, join(options.dataDir, "cluster")]);
  const lock = lockDirectory(options.dataDir, NAME);
  try {
    const cluster = prepareCluster({
      dataDir: options.dataDir,
      binaries,
      account,
      ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    });
    const port = await choosePort(options.port, NAME);
    refuseOrForgetPidFile(cluster.directory);
    const engine = await startServer(options, binaries, account, cluster.directory, port);
    lock.handTo(engine.pid);
    void engine.exited.then(() => {
      lock.release();
    });
    return {
      url: `postgres://${SUPERUSER}:${cluster.password}@${LOOPBACK}:${String(port)}/${DATABASE}`,
      pid: engine.pid,
      // SIGINT is PostgreSQL's fast shutdown: sessions end, a checkpoint is written.
      stop: () => engine.stop("SIGINT", STOP_GRACE_MS),
      exited: engine.exited,
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Starts the server; again while processes of a killed predecessor still hold its memory. */
async function startServer(
  options: EngineOptions,
  binaries: PostgresBinaries,
  account: Account | undefined,
  cluster: string,
  port: number,
): Promise<EngineProcess> {
  const args = serverArgs(cluster, port);
  const command = account?.command(binaries.postgres, args) ?? { file: binaries.postgres, args };
  const deadline = performance.now() + ORPHANS_TIMEOUT_MS;
  for (;;) {
    const engine = await startProcess({
      name: NAME,
      ...command,
      env: serverEnv(),
      cwd: "/",
      logFile: options.logFile,
    });
    try {
      await waitUntilReady(
        NAME,
        engine,
        { timeoutMs: READY_TIMEOUT_MS, logFile: options.logFile },
        () => Promise.resolve(isReady(cluster, engine.pid)),
      );
      return engine;
    } catch (error) {
      const orphans = engine.logTail().includes("pre-existing shared memory block");
      if (!orphans || performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

function serverArgs(cluster: string, port: number): string[] {
  const settings = {
    listen_addresses: LOOPBACK,
    port: String(port),
    // No socket file: nothing outside the data directory, and loopback is enough.
    unix_socket_directories: "",
    max_connections: "200",
    shared_buffers: "64MB",
    logging_collector: "off",
    timezone: "UTC",
  };
  return [
    "-D",
    cluster,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ];
}

/** The eighth line of the server's pid file tells its state, which is how pg_ctl waits for it. */
function isReady(cluster: string, pid: number): boolean {
  const lines = pidFileLines(cluster);
  return Number(lines[0]) === pid && lines[7]?.trim() === "ready";
}

/**
 * PostgreSQL takes any process with the number in its pid file for a running server. After a crash
 * that number may belong to somebody else by now.
 */
function refuseOrForgetPidFile(cluster: string): void {
  const pid = Number(pidFileLines(cluster)[0]);
  if (!Number.isInteger(pid) || pid <= 0) return;
  if (isRunning(identityOf(pid)) && programOf(pid).includes("postgres")) {
    throw new EngineError(
      `${NAME}: ${cluster} is in use by process ${String(pid)}`,
      `Stop it (gwo down, or kill -INT ${String(pid)}), or use another data directory (--data DIR).`,
    );
  }
  rmSync(join(cluster, "postmaster.pid"), { force: true });
}

function pidFileLines(cluster: string): string[] {
  try {
    return readFileSync(join(cluster, "postmaster.pid"), "utf8").split("\n");
  } catch {
    // No server has been started, or it ended well.
    return [];
  }
}
