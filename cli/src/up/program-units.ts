import { fileURLToPath } from "node:url";
import { CHECKOUT, entryOf, packageFile } from "../checkout.ts";
import { startNodeProgram, type NodeProgram } from "../supervise/node-process.ts";
import { answersOk, greet, trouble } from "../supervise/probe.ts";
import type { UnitOptions } from "../supervise/unit.ts";
import { loopbackUrl, serverEnvironment } from "./environment.ts";
import { logFileOf, type Layout } from "./layout.ts";

type ProgramUnit = Pick<UnitOptions, "name" | "logFile" | "start" | "startMs" | "whyNotUp">;

const START_MS = 90_000;
const STOP_MS = { gateway: 30_000, service: 15_000, server: 3_000 };

/** A service or the gateway. First it must be ready; started again, it must only live to count as back. */
export function programUnit(
  name: "gateway" | "svc-auth" | "svc-cost" | "svc-trace",
  options: { layout: Layout; port: number; env: NodeJS.ProcessEnv },
): ProgramUnit {
  const workspace = name === "gateway" ? "gateway-core" : name;
  const url = loopbackUrl(options.port);
  const logFile = logFileOf(options.layout, name);
  let probe = "/ready";
  return {
    name,
    logFile,
    startMs: START_MS,
    whyNotUp: () => trouble(`${url}/ready`),
    start() {
      const path = probe;
      probe = "/health";
      return startNodeProgram({
        name,
        args: [entryOf(workspace)],
        env: options.env,
        cwd: CHECKOUT,
        logFile,
        url,
        isUp: () => answersOk(url + path),
        stopMs: name === "gateway" ? STOP_MS.gateway : STOP_MS.service,
      });
    },
  };
}

/** The demo's MCP server `everything` over Streamable HTTP, on loopback only. */
export function everythingUnit(options: {
  layout: Layout;
  port: number;
  env: NodeJS.ProcessEnv;
}): ProgramUnit {
  const name = "mcp-everything";
  const logFile = logFileOf(options.layout, name);
  const program: NodeProgram = {
    name,
    args: [
      "--import",
      new URL("./loopback-only.mjs", import.meta.url).href,
      packageFile("@modelcontextprotocol/server-everything/dist/index.js"),
      "streamableHttp",
    ],
    env: serverEnvironment(options.env, options.port),
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    logFile,
    url: `${loopbackUrl(options.port)}/mcp`,
    isUp: async () => (await greet(options.port, "")) !== undefined,
    stopMs: STOP_MS.server,
  };
  return { name, logFile, startMs: START_MS, start: () => startNodeProgram(program) };
}
