import { mkdirSync } from "node:fs";
import { Problem } from "../problem.ts";
import { runInBackground } from "../supervise/background.ts";
import { rotateLogs } from "../supervise/log-files.ts";
import { createUnitGroup } from "../supervise/unit-group.ts";
import { choosePorts } from "./choose-ports.ts";
import { buildConsole, CONSOLE_DIRECTORY, consoleIsBuilt } from "./console-build.ts";
import { ENGINE_VARIABLES, ENGINES, engineUnit } from "./engine-units.ts";
import { loopbackUrl, serviceEnvironment, type EngineUrls } from "./environment.ts";
import { ADMIN_EMAIL, makeDemo } from "./first-data.ts";
import { logFileOf, type Layout } from "./layout.ts";
import { prepareOperatorFiles } from "./operator-config.ts";
import type { PortMode, Ports } from "./ports.ts";
import { everythingUnit, programUnit } from "./program-units.ts";
import type { Progress } from "./progress.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import type { Stack, StackProcess } from "./stack-file.ts";
import { createStackRecord } from "./stack-record.ts";
import { warmUp } from "./warm-up.ts";

export type StackOptions = {
  readonly layout: Layout;
  readonly portMode: PortMode | undefined;
  /** Worker processes of the gateway. */
  readonly workers: number;
  readonly env: NodeJS.ProcessEnv;
  readonly progress: Progress;
};

/** A stack that is being started, runs, or is being stopped. Its data directory must be locked. */
export type SupervisedStack = {
  /** Resolves when every part is ready. Rejects when one does not start; stop() must follow in any case. */
  readonly ready: Promise<Stack>;
  /** Resolves when a part cannot be kept alive any longer. */
  readonly failed: Promise<Problem>;
  /** Stops everything in order: gateway, MCP servers, services, engines. Idempotent. */
  stop(): Promise<void>;
  /** Kills everything at once. */
  kill(): void;
};

const SERVICES = ["svc-auth", "svc-cost", "svc-trace"] as const;
/** What works on with the record of a call once the agent has its answer. */
const BEHIND_THE_ANSWER: ReadonlySet<string> = new Set(["svc-cost", "svc-trace", "clickhouse"]);
const LOG_CHECK_MS = 60_000;

function yieldIfBehind({ name, pid }: StackProcess): void {
  if (BEHIND_THE_ANSWER.has(name)) runInBackground(pid);
}

export function startStack(options: StackOptions): SupervisedStack {
  const { layout, progress } = options;
  for (const directory of [layout.logs, layout.gateway]) mkdirSync(directory, { recursive: true });
  rotateLogs(layout.logs);
  const logTimer = setInterval(rotateLogs, LOG_CHECK_MS, layout.logs);
  const record = createStackRecord(layout);
  let isReady = false;
  const units = createUnitGroup({
    onProcess(process) {
      record.note(process);
      if (isReady) yieldIfBehind(process);
    },
    say: progress.say,
  });
  const stopped = new AbortController();
  let stopping: Promise<void> | undefined;
  return {
    ready: start(),
    failed: units.failed,
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
    kill: units.kill,
  };

  /** The order of a start: what needs nothing at once, then services, then the gateway. */
  async function start(): Promise<Stack> {
    const secrets = loadSecrets(layout.secretsFile);
    const ports = await choosePorts(layout.portsFile, options.portMode);
    prepareOperatorFiles(layout);
    const consoleBuilt = prepareConsole();
    const everything = everythingUnit({ layout, port: ports["mcp-everything"], env: options.env });
    const everythingUp = progress.step("MCP server everything", () => units.run(everything));
    // Waited for with the services; until then a failure of it is nobody's.
    everythingUp.catch(() => undefined);
    const engines = await startEngines(ports);
    const env = serviceEnvironment({
      base: options.env,
      ports,
      secrets,
      engines,
      workers: options.workers,
      consoleDirectory: CONSOLE_DIRECTORY,
      gatewayDirectory: layout.gateway,
      configFile: layout.configFile,
    });
    const startProgram = (name: "gateway" | (typeof SERVICES)[number]): Promise<string> =>
      progress.step(name, () => units.run(programUnit(name, { layout, port: ports[name], env })));
    await together([everythingUp, ...SERVICES.map(startProgram)]);
    await consoleBuilt;
    const [ids] = await together([
      progress.step("demo organisation, key and prices", () =>
        makeDemo({ ports, secrets, layout }),
      ),
      startProgram("gateway"),
    ]);
    const stack = describe({ ports, secrets, engines, ids });
    await Promise.all(["everything", "filesystem"].map((server) => listTools(stack, server)));
    const published = record.publish(stack);
    // Only now: a start should take as little time as it can.
    isReady = true;
    published.processes.forEach(yieldIfBehind);
    return published;
  }

  async function startEngines(ports: Ports): Promise<EngineUrls> {
    const urls = await together(
      ENGINES.map(async (name): Promise<[string, string]> => {
        const real = options.env[ENGINE_VARIABLES[name]];
        if (real !== undefined && real !== "") {
          progress.say(`· ${name}: the server in ${ENGINE_VARIABLES[name]}`);
          return [`${name}Url`, real];
        }
        const unit = engineUnit(name, { layout, ports, say: progress.say });
        return [`${name}Url`, await progress.step(name, () => units.run(unit))];
      }),
    );
    return Object.fromEntries(urls) as EngineUrls;
  }

  /** A console that cannot be built keeps nobody from calling tools: the gateway runs without it. */
  async function prepareConsole(): Promise<void> {
    if (consoleIsBuilt()) return;
    try {
      await progress.step("building the console (once)", async (end) => {
        const built = buildConsole(logFileOf(layout, "console-build"), stopped.signal);
        await built.catch((error: unknown) => {
          if (!stopped.signal.aborted) throw error;
          end("interrupted");
        });
      });
    } catch (error) {
      const nextStep = error instanceof Problem ? error.nextStep : "";
      progress.say(
        `! ${(error as Error).message}\n  The stack starts without a fresh console. ${nextStep}`,
      );
    }
  }

  async function listTools(stack: Omit<Stack, "processes">, server: string): Promise<void> {
    await progress.step(`first tools/list of ${server}`, async () => {
      const wrong = await warmUp(stack.gatewayUrl, stack.apiKey, server);
      if (wrong !== undefined)
        progress.say(
          `! ${server} does not answer through the gateway: ${wrong}\n  next step: read ${logFileOf(layout, "gateway")}`,
        );
    });
  }

  async function stopAll(): Promise<void> {
    stopped.abort();
    clearInterval(logTimer);
    await units.stop();
    record.close();
  }
}

function describe(made: {
  ports: Ports;
  secrets: Secrets;
  engines: EngineUrls;
  ids: { orgId: string; teamId: string };
}): Omit<Stack, "processes"> {
  const { ports, secrets, engines, ids } = made;
  return {
    gatewayUrl: loopbackUrl(ports.gateway),
    grpcUrl: loopbackUrl(ports["gateway-grpc"]),
    consoleUrl: loopbackUrl(ports.gateway),
    apiKey: secrets.apiKey,
    orgId: ids.orgId,
    teamId: ids.teamId,
    admin: { email: ADMIN_EMAIL, password: secrets.adminPassword },
    postgresUrl: engines.postgresUrl,
    redisUrl: engines.redisUrl,
    clickhouseUrl: engines.clickhouseUrl,
  };
}

/** Promise.all that lets every part come to its end before it throws the first failure. */
async function together<const T extends readonly unknown[]>(
  parts: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(parts);
  return Promise.all(parts);
}
