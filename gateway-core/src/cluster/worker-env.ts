import type { BridgeAddress } from "../upstream/registry.ts";

/** What the primary gives a worker beyond the configuration they share, through its environment. */
export type WorkerEnv = {
  /** Name of its write-ahead log: 32 hexadecimal digits. */
  readonly logId: string;
  /** Name of the directory that it is in: 32 hexadecimal digits. */
  readonly logDirectoryId: string;
  /** Name of this gateway, shared by its workers. */
  readonly replicaId: string;
  /** Where the bridge listens. */
  readonly bridge: BridgeAddress;
};

const VARIABLE = "GWO_INTERNAL_WORKER";

export function toWorkerEnv(worker: WorkerEnv): Record<string, string> {
  return { [VARIABLE]: JSON.stringify(worker) };
}

export function workerEnvFrom(env: Readonly<Record<string, string | undefined>>): WorkerEnv {
  const text = env[VARIABLE];
  if (text === undefined)
    throw new Error("A worker is started by the gateway's primary process only.");
  return JSON.parse(text) as WorkerEnv;
}
