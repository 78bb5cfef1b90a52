import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseFreePorts } from "@gatewayops/engines/ports";
import { waitFor, type Stack } from "../stack.ts";

/** A gateway beside that of the running stack: primary and workers, on ports and with a log of their own. */
export type GatewayProcess = {
  readonly port: number;
  readonly url: string;
  /** Address of its gRPC port: "127.0.0.1:41234". */
  readonly grpcAddress: string;
  /** Resident bytes of its processes. */
  memoryBytes(): number;
  /** Has its processes collect garbage, where they were started with `collect-on-signal.mjs`. */
  collectGarbage(): void;
  /** `kill -9` of primary and workers at once. */
  kill(): Promise<void>;
  /** Starts it again with the same ports and log. */
  start(): Promise<void>;
  /** Ends it in order, and removes what it wrote. */
  stop(): Promise<void>;
};

const MAIN = join(import.meta.dirname, "../../../src/main.ts");
const START_MS = 60_000;
const STOP_MS = 30_000;

/** Starts a gateway with the settings of the stack's own, and others over them. */
export async function startGateway(
  stack: Stack,
  settings: Readonly<Record<string, string>> = {},
): Promise<GatewayProcess> {
  const directory = mkdtempSync(join(tmpdir(), "gwo-replica-"));
  const [port, grpcPort] = await chooseFreePorts(2);
  const env = {
    ...environmentOf(stack),
    GWO_GATEWAY_HTTP_PORT: String(port),
    GWO_GATEWAY_GRPC_PORT: String(grpcPort),
    GWO_GATEWAY_STATE_DIR: directory,
    GWO_WAL_DIR: join(directory, "wal"),
    GWO_GATEWAY_WORKERS: "1",
    // Servers of the operator's run beside the stack's own gateway.
    GWO_CONFIG_FILE: "",
    ...settings,
  };
  const url = `http://127.0.0.1:${String(port)}`;
  const log = openSync(join(directory, "gateway.log"), "a");
  let child: ChildProcess | undefined;
  const gateway: GatewayProcess = {
    port: port ?? 0,
    url,
    grpcAddress: `127.0.0.1:${String(grpcPort)}`,
    memoryBytes: () => processesOfGroup(child?.pid).reduce((sum, pid) => sum + memoryOf(pid), 0),
    collectGarbage() {
      for (const pid of processesOfGroup(child?.pid)) process.kill(pid, "SIGUSR2");
    },
    async kill() {
      await end("SIGKILL");
    },
    async start() {
      child = spawn(process.execPath, [MAIN], {
        env,
        // A group of its own, so that a kill reaches all of it at once.
        detached: true,
        stdio: ["ignore", log, log],
      });
      const started = child;
      await waitFor("the gateway is ready", START_MS, async () => {
        if (started.exitCode !== null) throw new Error(readFileSync(logFile(), "utf8"));
        return (await fetch(`${url}/ready`)).ok ? true : undefined;
      });
    },
    async stop() {
      await end("SIGTERM");
      rmSync(directory, { recursive: true, force: true });
    },
  };
  await gateway.start();
  return gateway;

  function logFile(): string {
    return join(directory, "gateway.log");
  }

  async function end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const ended = child;
    child = undefined;
    if (ended?.pid === undefined) return;
    const group = ended.pid;
    const gone = once(ended, "exit", { signal: AbortSignal.timeout(STOP_MS) });
    // In order by the primary alone; at once by the group.
    process.kill(signal === "SIGKILL" ? -group : group, signal);
    await gone;
    await waitFor("its workers are gone", STOP_MS, () =>
      processesOfGroup(group).length === 0 ? true : undefined,
    );
  }
}

/** Environment of the stack's own gateway. */
export function environmentOf(stack: Stack): Record<string, string> {
  const pid = stack.processes.find(({ name }) => name === "gateway")?.pid;
  const entries = readFileSync(`/proc/${String(pid)}/environ`, "utf8").split("\0");
  return Object.fromEntries(
    entries
      .filter((entry) => entry.includes("="))
      .map((entry) => {
        const at = entry.indexOf("=");
        return [entry.slice(0, at), entry.slice(at + 1)];
      }),
  );
}

/** Living processes of a group. */
function processesOfGroup(group: number | undefined): number[] {
  if (group === undefined) return [];
  return numbersIn("/proc").filter(
    (pid) => statOf(`/proc/${String(pid)}`)?.group === group && hasLivingThread(pid),
  );
}

/** A killed process is a zombie before all of its threads are gone, and the last one keeps its sockets open. */
function hasLivingThread(pid: number): boolean {
  const tasks = `/proc/${String(pid)}/task`;
  return numbersIn(tasks).some((thread) => {
    const state = statOf(`${tasks}/${String(thread)}`)?.state;
    return state !== undefined && state !== "Z" && state !== "X";
  });
}

function numbersIn(directory: string): number[] {
  try {
    return readdirSync(directory).map(Number).filter(Number.isInteger);
  } catch {
    return []; // gone meanwhile
  }
}

function statOf(directory: string): { state: string; group: number } | undefined {
  try {
    const stat = readFileSync(`${directory}/stat`, "utf8");
    // After the name, which may hold anything: state, parent, group.
    const [state = "", , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state, group: Number(group) };
  } catch {
    return undefined; // gone meanwhile
  }
}

function memoryOf(pid: number): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
