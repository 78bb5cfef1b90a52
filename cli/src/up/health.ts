import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { identityOf, isRunning } from "@gatewayops/engines/process-identity";
import { greet, trouble } from "../supervise/probe.ts";
import type { StackProcess } from "./stack-file.ts";

/** A process with what it says of itself. */
export type ProcessHealth = StackProcess & {
  /** "ready", or what is wrong. */
  readonly health: string;
  /** Empty where it is that of GatewayOps, or not known. */
  readonly version: string;
};

/** PostgreSQL's SSLRequest (protocol 3, message 80877103), which any server answers with one letter. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

export async function healthOf(process: StackProcess, directory: string): Promise<ProcessHealth> {
  if (!isRunning({ ...identityOf(process.pid), startMark: "" }))
    return { ...process, health: "gone", version: "" };
  const port = URL.canParse(process.url) ? Number(new URL(process.url).port) : 0;
  switch (process.name) {
    case "postgres":
      return {
        ...process,
        health: (await greet(port, SSL_REQUEST)) === undefined ? "does not answer" : "ready",
        version: postgresVersion(directory),
      };
    case "redis": {
      const info = await greet(port, "INFO server\r\n");
      const version = /(?:valkey|redis)_version:(\S+)/.exec(info ?? "")?.[1] ?? "";
      return { ...process, health: info === undefined ? "does not answer" : "ready", version };
    }
    case "clickhouse":
      return clickHouseHealth(process);
    case "gateway":
    case "svc-auth":
    case "svc-cost":
    case "svc-trace":
      return {
        ...process,
        health: (await trouble(`${process.url}/ready`)) ?? "ready",
        version: "",
      };
    case "mcp-everything":
      return {
        ...process,
        health: (await greet(port, "")) === undefined ? "does not answer" : "ready",
        version: "",
      };
    default:
      return { ...process, health: "ready", version: "" };
  }
}

async function clickHouseHealth(process: StackProcess): Promise<ProcessHealth> {
  try {
    const answer = await fetch(`${process.url}/?query=SELECT%20version()`, {
      signal: AbortSignal.timeout(3_000),
    });
    const version = (await answer.text()).trim();
    return answer.ok
      ? { ...process, health: "ready", version }
      : { ...process, health: version.slice(0, 200), version: "" };
  } catch {
    return { ...process, health: "does not answer", version: "" };
  }
}

function postgresVersion(directory: string): string {
  const file = join(directory, "postgres", "cluster", "PG_VERSION");
  return existsSync(file) ? readFileSync(file, "utf8").trim() : "";
}
