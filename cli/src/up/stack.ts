import { mkdirSync } from "node:fs";
import { Problem } from "../problem.ts";
import { rotateLogs } from "../supervise/log-files.ts";
import { createUnit, type Unit, type UnitOptions } from "../supervise/unit.ts";
import { choosePorts } from "./choose-ports.ts";
import { buildConsole, CONSOLE_DIRECTORY, consoleIsBuilt } from "./console-build.ts";
import { ENGINE_VARIABLES, ENGINES, engineUnit, type EngineName } from "./engine-units.ts";
import { loopbackUrl, serviceEnvironment } from "./environment.ts";
import { ADMIN_EMAIL, bootstrapDemo, priceDemo } from "./first-data.ts";
import { logFileOf, type Layout } from "./layout.ts";
import { prepareOperatorFiles } from "./operator-config.ts";
import type { PortMode, Ports } from "./ports.ts";
import { everythingUnit, programUnit } from "./program-units.ts";
import type { Progress } from "./progress.ts";
import { loadSecrets, type Secrets } from "./secrets.ts";
import { stopRank, type Stack } from "./stack-file.ts";
import { createStackRecord, type StackRecord } from "./stack-record.ts";
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

const LOG_CHECK_MS = 60_000;

export function startStack(options: StackOptions): SupervisedStack {
  const { layout, progress } = options;
  for (const directory of [layout.logs, layout.gateway]) mkdirSync(directory, { recursive: true });
  rotateLogs(layout.logs);
  const logTimer = setInterval(rotateLogs, LOG_CHECK_MS, layout.logs);
  const record = createStackRecord(layout);
  const units: Unit[] = [];
  const stopped = new AbortController();
  let stopping: Promise<void> | undefined;
  let giveUp: (problem: Problem) => void = () => undefined;
  const failed = new Promise<Problem>((resolve) => {
    giveUp = resolve;
  });
  return {
    ready: start(),
    failed,
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
    kill() {
      for (const unit of units) unit.kill();
    },
  };

  async function start(): Promise<Stack> {
    const secrets = loadSecrets(layout.secretsFile);
    const ports = await choosePorts(layout.portsFile, options.portMode);
    prepareOperatorFiles(layout);
    const consoleBuilt = prepareConsole();
    const everything = everythingUnit({ layout, port: ports["mcp-everything"], env: options.env });
    const [engines] = await allSettled([
      startEngines(ports),
      progress.step("MCP server everything", () => run(everything)),
    ]);
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
    await allSettled(
      (["svc-auth", "svc-cost", "svc-trace"] as const).map((name) =>
        progress.step(name, () => run(programUnit(name, { layout, port: ports[name], env }))),
      ),
    );
    await consoleBuilt;
    const gateway = programUnit("gateway", { layout, port: ports.gateway, env });
    const [ids] = await allSettled([
      makeDemo(ports, secrets),
      progress.step("gateway", () => run(gateway)),
    ]);
    const gatewayUrl = loopbackUrl(ports.gateway);
    await Promise.all(
      ["everything", "filesystem"].map((server) => listTools(gatewayUrl, secrets, server)),
    );
    return publish(record, { ports, secrets, engines, ids });
  }

  async function startEngines(ports: Ports): Promise<Record<`${EngineName}Url`, string>> {
    const urls = await allSettled(
      ENGINES.map(async (name): Promise<[string, string]> => {
        const real = options.env[ENGINE_VARIABLES[name]];
        if (real !== undefined && real !== "") {
          progress.say(`· ${name}: the server in ${ENGINE_VARIABLES[name]}`);
          return [`${name}Url`, real];
        }
        const unit = engineUnit(name, { layout, ports, say: progress.say });
        return [`${name}Url`, (await progress.step(name, () => run(unit))).url];
      }),
    );
    return Object.fromEntries(urls) as Record<`${EngineName}Url`, string>;
  }

  /** A console that cannot be built keeps nobody from calling tools: the gateway runs without it. */
  async function prepareConsole(): Promise<void> {
    if (consoleIsBuilt()) return;
    try {
      await progress.step("building the console (once)", async (end) => {
        await buildConsole(logFileOf(layout, "console-build"), stopped.signal).catch(
          (error: unknown) => {
            if (!stopped.signal.aborted) throw error;
            end("interrupted");
          },
        );
      });
    } catch (error) {
      const nextStep = error instanceof Problem ? error.nextStep : "";
      progress.say(
        `! ${(error as Error).message}\n  The stack starts without a fresh console. ${nextStep}`,
      );
    }
  }

  async function makeDemo(
    ports: Ports,
    secrets: Secrets,
  ): Promise<{ orgId: string; teamId: string }> {
    return progress.step("demo organisation, key and prices", async () => {
      const ids = await bootstrapDemo({
        authGrpcUrl: loopbackUrl(ports["svc-auth-grpc"]),
        secrets,
        everythingUrl: `${loopbackUrl(ports["mcp-everything"])}/mcp`,
      }).catch(explain("svc-auth did not make the demo organisation", "svc-auth"));
      await priceDemo({
        authUrl: loopbackUrl(ports["svc-auth"]),
        costUrl: loopbackUrl(ports["svc-cost"]),
        admin: { email: ADMIN_EMAIL, password: secrets.adminPassword },
        orgId: ids.orgId,
        memoryFile: layout.demoFile,
      }).catch(explain("svc-cost did not take the demo's prices", "svc-cost"));
      return ids;
    });
  }

  async function listTools(gatewayUrl: string, secrets: Secrets, server: string): Promise<void> {
    await progress.step(`first tools/list of ${server}`, async () => {
      const wrong = await warmUp(gatewayUrl, secrets.apiKey, server);
      if (wrong !== undefined)
        progress.say(
          `! ${server} does not answer through the gateway: ${wrong}\n  next step: read ${logFileOf(layout, "gateway")}`,
        );
    });
  }

  function explain(what: string, service: string): (cause: unknown) => never {
    return (cause) => {
      throw new Problem(
        `${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
        `Read ${logFileOf(layout, service)} and start again.`,
        { cause },
      );
    };
  }

  async function run(
    unit: Omit<UnitOptions, "onProcess" | "say" | "onGiveUp">,
  ): Promise<{ readonly url: string }> {
    if (stopped.signal.aborted) throw new Problem("the start was interrupted", "Start it again.");
    const kept = createUnit({
      ...unit,
      say: progress.say,
      onGiveUp: giveUp,
      onProcess: ({ pid, url }) => {
        record.note({ name: unit.name, pid, url });
      },
    });
    units.push(kept);
    return kept.start();
  }

  async function stopAll(): Promise<void> {
    stopped.abort();
    clearInterval(logTimer);
    const ranks = [...new Set(units.map(({ name }) => stopRank(name)))].sort((a, b) => a - b);
    for (const rank of ranks) {
      const together = units.filter(({ name }) => stopRank(name) === rank);
      await Promise.all(
        together.map(async (unit) => {
          if (await unit.stop())
            progress.say(
              `! ${unit.name} did not stop in time and was killed. Log: ${logFileOf(layout, unit.name)}`,
            );
        }),
      );
    }
    record.close();
  }
}

function publish(
  record: StackRecord,
  made: {
    ports: Ports;
    secrets: Secrets;
    engines: Record<`${EngineName}Url`, string>;
    ids: { orgId: string; teamId: string };
  },
): Stack {
  const { ports, secrets } = made;
  return record.publish({
    gatewayUrl: loopbackUrl(ports.gateway),
    grpcUrl: loopbackUrl(ports["gateway-grpc"]),
    consoleUrl: loopbackUrl(ports.gateway),
    apiKey: secrets.apiKey,
    orgId: made.ids.orgId,
    teamId: made.ids.teamId,
    admin: { email: ADMIN_EMAIL, password: secrets.adminPassword },
    postgresUrl: made.engines.postgresUrl,
    redisUrl: made.engines.redisUrl,
    clickhouseUrl: made.engines.clickhouseUrl,
  });
}

/** Promise.all that lets every part come to its end before it throws the first failure, so that none is left half-started. */
async function allSettled<const T extends readonly unknown[]>(
  parts: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const results = await Promise.allSettled(parts);
  const failure = results.find((result) => result.status === "rejected");
  if (failure !== undefined) throw failure.reason;
  return results.map((result) => (result.status === "fulfilled" ? result.value : undefined)) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}
