import { checkoutVersion } from "../checkout.ts";
import { table } from "../client/table.ts";
import { Problem } from "../problem.ts";
import { healthOf, type ProcessHealth } from "./health.ts";
import { layoutOf } from "./layout.ts";
import { readStackFile } from "./stack-file.ts";
import { supervisorOf } from "./stack-lock.ts";

export type Status = {
  readonly running: boolean;
  readonly ready: boolean;
  readonly directory: string;
  readonly logs: string;
  readonly supervisorPid: number;
  readonly versions: { readonly gatewayops: string; readonly node: string };
  readonly gatewayUrl: string;
  readonly consoleUrl: string;
  readonly processes: readonly ProcessHealth[];
};

/**
 * How the stack of a data directory is.
 *
 * @throws Problem when none runs there
 */
export async function readStatus(directory: string): Promise<Status> {
  const layout = layoutOf(directory);
  const supervisor = supervisorOf(directory);
  if (supervisor === undefined)
    throw new Problem(`no stack runs on ${directory}`, "Start one: npm start, or gwo up --detach");
  const stack = readStackFile(layout.stackFile);
  const processes = await Promise.all(
    (stack?.processes ?? []).map((process) => healthOf(process, directory)),
  );
  return {
    running: true,
    ready: processes.length > 0 && processes.every(({ health }) => health === "ready"),
    directory,
    logs: layout.logs,
    supervisorPid: supervisor.pid,
    versions: { gatewayops: checkoutVersion(), node: process.versions.node },
    gatewayUrl: stack?.gatewayUrl ?? "",
    consoleUrl: stack?.consoleUrl ?? "",
    processes,
  };
}

export function tellStatus(status: Status): string {
  const state =
    status.processes.length === 0 ? "is starting" : status.ready ? "is ready" : "has trouble";
  const lines = [
    `The stack on ${status.directory} ${state} (process ${String(status.supervisorPid)}).`,
    `GatewayOps ${status.versions.gatewayops}, Node ${status.versions.node}. Logs in ${status.logs}.`,
  ];
  if (status.processes.length === 0) return lines.join("\n");
  const rows = status.processes.map(({ name, pid, health, version, url }) => [
    name,
    String(pid),
    health,
    version,
    withoutPassword(url),
  ]);
  return [...lines, "", table(["PROCESS", "PID", "HEALTH", "VERSION", "URL"], rows)].join("\n");
}

function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return url;
  const parsed = new URL(url);
  if (parsed.password !== "") parsed.password = "…";
  return parsed.password === "" ? url : decodeURI(parsed.href);
}
