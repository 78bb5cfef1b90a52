import {
  ConfigError,
  describeConfig,
  EX_CONFIG,
  loadConfig,
  type ConfigOf,
  type Schema,
} from "./config.ts";
import { closeOnSignals, createLifecycle, type Lifecycle } from "./lifecycle.ts";
import { createLogger, type LogOptions, type Logger } from "./log.ts";
import type { Setting } from "./settings.ts";

/** The settings that every service has. */
export type ServiceSchema = Schema & {
  readonly logLevel: Setting<LogOptions["level"]>;
  readonly logFormat: Setting<LogOptions["format"]>;
  readonly maskSensitive: Setting<boolean>;
};

/** What a service is started with. */
export type ServiceRun<S extends ServiceSchema> = {
  readonly config: ConfigOf<S>;
  readonly log: Logger;
  readonly lifecycle: Lifecycle;
};

export type ServiceProcessOptions<S extends ServiceSchema> = {
  /** Name in logs, for example "svc-auth". */
  readonly service: string;
  readonly settings: S;
  readonly env: NodeJS.ProcessEnv;
  /** Ends the process. */
  readonly exit: (code: number) => void;
};

/**
 * Reads the settings, starts a service and closes it at SIGTERM and SIGINT. Exits with 78 when settings are wrong, and
 * with 1, after closing what was opened, when the start fails; a signal during the start is no failure.
 */
export async function runService<S extends ServiceSchema>(
  options: ServiceProcessOptions<S>,
  start: (run: ServiceRun<S>) => Promise<void>,
): Promise<void> {
  const { service, settings, exit } = options;
  const config = configOf(options);
  if (!config) {
    exit(EX_CONFIG);
    return;
  }
  const log = createLogger({
    service,
    level: config.logLevel,
    format: config.logFormat,
    maskSensitive: config.maskSensitive,
  });
  const lifecycle = createLifecycle(log);
  closeOnSignals(lifecycle, exit);
  log.info({ config: describeConfig(settings, config) }, "starting");
  try {
    await start({ config: config as ConfigOf<S>, log, lifecycle });
  } catch (error) {
    if (lifecycle.signal.aborted) return;
    log.fatal({ err: error }, `${service} cannot start: ${(error as Error).message}`);
    await lifecycle.close();
    exit(1);
  }
}

function configOf(
  options: ServiceProcessOptions<ServiceSchema>,
): ConfigOf<ServiceSchema> | undefined {
  try {
    return loadConfig(options.settings, { env: options.env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${options.service} cannot start: ${error.message}\n`);
    return undefined;
  }
}
