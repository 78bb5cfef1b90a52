import { fileURLToPath } from "node:url";
import { runProgram, type ProcessRun } from "@gatewayops/platform/process-testing";

/** A svc-auth of its own process. */
export type AuthProcess = {
  readonly httpUrl: string;
  readonly grpcUrl: string;
  readonly internalSecret: string;
  /** Everything it wrote. */
  readonly output: () => string;
  /** Ends it by SIGTERM; returns its exit code. */
  stop(): Promise<number | null>;
};

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const SECRET = "an internal secret for tests, 32+ chars";

/** Starts svc-auth on free ports and waits until it is ready. */
export async function startAuthProcess(stores: {
  readonly postgresUrl: string;
  readonly redisUrl: string;
}): Promise<AuthProcess> {
  const run = runAuth([], {
    GWO_POSTGRES_URL: stores.postgresUrl,
    GWO_REDIS_URL: stores.redisUrl,
    GWO_INTERNAL_SECRET: SECRET,
    GWO_KEY_CACHE_SECRET: "a key cache secret for tests, 32+ chars",
    GWO_SVC_AUTH_HTTP_PORT: "0",
    GWO_SVC_AUTH_GRPC_PORT: "0",
    GWO_LOG_LEVEL: "debug",
  });
  const line = await run.line((text) => text.includes('"message":"ready"'));
  const { http_port: http, grpc_port: grpc } = JSON.parse(line) as Record<string, number>;
  return {
    httpUrl: `http://127.0.0.1:${String(http)}`,
    grpcUrl: `http://127.0.0.1:${String(grpc)}`,
    internalSecret: SECRET,
    output: run.output,
    async stop() {
      run.child.kill("SIGTERM");
      return run.exited;
    },
  };
}

/** Runs `main.ts` with these arguments and this environment only. */
export function runAuth(args: readonly string[], env: Record<string, string>): ProcessRun {
  return runProgram(MAIN, args, env);
}
