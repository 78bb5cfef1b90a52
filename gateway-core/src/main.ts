import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { ConfigError, EX_CONFIG, loadConfig } from "@gatewayops/platform/config";
import { GATEWAY_SCHEMA, STDIO_YAML_PATH, stdioServersFrom, type GatewayConfig } from "./config.ts";
import { runPrimary } from "./cluster/primary.ts";
import { runWorker } from "./cluster/worker.ts";
import type { StdioServer } from "./bridge/stdio-process.ts";

const { config, stdioServers } = loadOrExit();
const workers = config.workers === 0 ? availableParallelism() : config.workers;
if (cluster.isPrimary) await runPrimary({ config, stdioServers, workers, env: process.env });
else await runWorker({ config, workers, env: process.env });

function loadOrExit(): { config: GatewayConfig; stdioServers: StdioServer[] } {
  try {
    const file = process.env["GWO_CONFIG_FILE"];
    const yaml = file === undefined || file === "" ? undefined : readFileSync(file, "utf8");
    return {
      config: loadConfig(GATEWAY_SCHEMA, { env: process.env, yaml, otherYaml: [STDIO_YAML_PATH] }),
      stdioServers: stdioServersFrom(yaml, process.env),
    };
  } catch (error) {
    const isFileError = error instanceof Error && "code" in error;
    if (!(error instanceof ConfigError) && !isFileError) throw error;
    process.stderr.write(`gateway: ${error.message}\n`);
    process.exit(EX_CONFIG);
  }
}
