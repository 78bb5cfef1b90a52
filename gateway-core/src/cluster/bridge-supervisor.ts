import { fork, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Logger } from "@gatewayops/platform/log";
import type { BridgeStart } from "../bridge/main.ts";
import type { StdioServer } from "../bridge/stdio-process.ts";
import type { BridgeAddress } from "../upstream/registry.ts";

export type BridgeSupervisor = {
  readonly address: BridgeAddress;
  pid(): number | undefined;
  stop(): Promise<void>;
};

const RESTART_MS = 250;

/** Starts the bridge and starts it again, on the same port, when it dies. */
export async function startBridge(options: {
  servers: readonly StdioServer[];
  denyPrivateUpstreams: boolean;
  log: Logger;
  logOptions: BridgeStart["log"];
  onRestart: () => void;
}): Promise<BridgeSupervisor> {
  const secret = randomBytes(24).toString("hex");
  let port = 0;
  let stopping = false;
  let child: ChildProcess;
  await start();
  return {
    address: { origin: `http://127.0.0.1:${port}`, secret },
    pid: () => child.pid,
    async stop() {
      stopping = true;
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise<void>((resolve) =>
        child.once("exit", () => {
          resolve();
        }),
      );
      child.kill("SIGTERM");
      await gone;
    },
  };

  async function start(): Promise<void> {
    child = fork(new URL("../bridge/main.ts", import.meta.url));
    child.on("exit", (code, signal) => {
      if (stopping) return;
      options.log.error(
        { code, signal },
        "the bridge died and is started again; its sessions are lost",
      );
      setTimeout(() => {
        void start().then(options.onRestart);
      }, RESTART_MS);
    });
    const start_: BridgeStart = {
      servers: options.servers,
      secret,
      port,
      denyPrivateUpstreams: options.denyPrivateUpstreams,
      log: options.logOptions,
    };
    child.send(start_);
    port = await new Promise<number>((resolve, reject) => {
      child.once("message", (message: { port: number }) => {
        resolve(message.port);
      });
      child.once("exit", () => {
        reject(new Error("The bridge ended before it listened."));
      });
    }).catch((error: unknown) => {
      // A restart that fails is tried again by the exit handler above; only the first start reports.
      if (port === 0) throw error;
      return port;
    });
  }
}
