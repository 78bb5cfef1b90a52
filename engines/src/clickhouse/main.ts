/**
 * The embedded ClickHouse as a process: `node main.ts --data DIR --port N`.
 *
 * Options: --concurrency N (queries at once, default 4), --queue N (waiting, default 256),
 * --body-max-bytes N (default 256 MiB), --deadline-s N (a query's time limit, default 300).
 * SIGTERM and SIGINT end it once the running queries are done.
 */
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";

import { makeDataDirectory } from "../data-directory.ts";
import { lockDirectory } from "../directory-lock.ts";
import { EngineError } from "../engine.ts";
import { choosePort, LOOPBACK } from "../ports.ts";
import { loadChdb } from "./chdb.ts";
import { createConnections } from "./connections.ts";
import { createFront } from "./front.ts";

/** What this process tells its parent, once: that it is ready, or why it cannot be. */
export type StartReport =
  | { readonly kind: "ready"; readonly port: number }
  | { readonly kind: "failed"; readonly message: string; readonly nextStep: string };

const DEADLINE_S = 300;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      data: { type: "string" },
      port: { type: "string", default: "0" },
      concurrency: { type: "string", default: "4" },
      queue: { type: "string", default: "256" },
      "body-max-bytes": { type: "string", default: String(256 * 1024 * 1024) },
      "deadline-s": { type: "string", default: String(DEADLINE_S) },
    },
  });
  if (values.data === undefined) {
    throw new EngineError("ClickHouse: --data is missing", "Name a data directory: --data DIR.");
  }
  const port = await choosePort(Number(values.port), "ClickHouse");
  makeDataDirectory(values.data, 0o700);
  const lock = lockDirectory(values.data, "ClickHouse");
  const chdb = loadChdb();
  const data = values.data;
  const bodyMaxBytes = Number(values["body-max-bytes"]);
  const connections = createConnections({
    open: () =>
      new chdb.module.Session(data, {
        connectionArgs: [`--max_execution_time=${values["deadline-s"]}`],
      }),
    concurrency: Number(values.concurrency),
    queueLength: Number(values.queue),
    queueTimeoutMs: Number(values["deadline-s"]) * 1000,
  });
  const server = createFront({
    chdb,
    connections,
    bodyRoom: { maxBytes: bodyMaxBytes, totalMaxBytes: 4 * bodyMaxBytes, used: 0 },
    requestTimeoutMs: Number(values["deadline-s"]) * 1000,
  });
  server.listen({ port, host: LOOPBACK }, () => {
    report({ kind: "ready", port: (server.address() as AddressInfo).port });
  });

  let stopping = false;
  const stop = async () => {
    if (stopping) return;
    stopping = true;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    await connections.drain();
    server.closeIdleConnections();
    // What is still open waits for a reader who may never come.
    setTimeout(() => {
      server.closeAllConnections();
    }, 1000).unref();
    await closed;
    connections.close();
    await chdb.module.drainPending();
    lock.release();
    process.exit(0);
  };
  process.on("SIGTERM", () => void stop());
  process.on("SIGINT", () => void stop());
}

function report(message: StartReport): void {
  if (message.kind === "ready")
    console.log(`ClickHouse listens on ${LOOPBACK}:${String(message.port)}`);
  else console.error(`${message.message}\n${message.nextStep}`);
  if (process.send === undefined) return;
  process.send(message);
  // The channel would keep the process alive and tell it nothing more.
  process.disconnect();
}

try {
  await main();
} catch (error) {
  report({
    kind: "failed",
    message: error instanceof Error ? error.message : String(error),
    nextStep:
      error instanceof EngineError
        ? error.nextStep
        : "Read the engine's log; if node_modules is damaged, remove it and run npm start again.",
  });
  process.exitCode = 1;
}
