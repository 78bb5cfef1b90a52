import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import type { Setting } from "./settings.ts";

/** The settings of one process by the names its code uses. */
export type Schema = Readonly<Record<string, Setting<unknown>>>;

/** The typed values of a schema. */
export type ConfigOf<S extends Schema> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

/** Where values come from. Environment, then the file an environment variable names, then config.yaml, then default. */
export type ConfigSources = {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of config.yaml. Absent: none was given. */
  readonly yaml?: string | undefined;
  /** Paths in config.yaml that this process does not read itself but that are legal, for example lists it reads later. */
  readonly otherYaml?: readonly string[];
};

/** Exit code of a process whose configuration is wrong (EX_CONFIG of sysexits.h). */
export const EX_CONFIG = 78;

/** All that is wrong with a configuration. The process must refuse to start. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`The configuration has ${problems.length} problem(s):\n  ${problems.join("\n  ")}`);
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/**
 * Reads and checks a process's configuration.
 *
 * @throws ConfigError with every problem at once, those of unknown keys in config.yaml included
 */
export function loadConfig<S extends Schema>(schema: S, sources: ConfigSources): ConfigOf<S> {
  const problems: string[] = [];
  const yaml = flatYaml(sources, problems);
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(schema)) {
    try {
      values[name] = valueOf(setting, sources.env, yaml);
    } catch (error) {
      problems.push(`${sourceName(setting, sources.env, yaml)}: ${(error as Error).message}`);
    }
  }
  const known = new Set(Object.values(schema).map((setting) => setting.yaml));
  for (const path of yaml.keys()) {
    const other = sources.otherYaml?.some(
      (prefix) => path === prefix || path.startsWith(`${prefix}.`),
    );
    const isEmptySection =
      yaml.get(path) === undefined && [...known].some((name) => name?.startsWith(`${path}.`));
    if (!known.has(path) && !other && !isEmptySection)
      problems.push(`config.yaml: ${path} is not a setting`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return values as ConfigOf<S>;
}

/** The configuration for people: secrets print as "[set]". */
export function describeConfig<S extends Schema>(
  schema: S,
  config: ConfigOf<S>,
): Record<string, unknown> {
  const values = config as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(schema).map(([name, setting]) => [
      name,
      setting.secret && values[name] !== "" ? "[set]" : values[name],
    ]),
  );
}

function valueOf(
  setting: Setting<unknown>,
  env: ConfigSources["env"],
  yaml: ReadonlyMap<string, unknown>,
): unknown {
  const direct = env[setting.env];
  if (direct !== undefined) return setting.parse(direct);
  const file = env[`${setting.env}_FILE`];
  if (file !== undefined) return setting.parse(readFileSync(file, "utf8").trimEnd());
  const given = setting.yaml === undefined ? undefined : yaml.get(setting.yaml);
  if (given !== undefined) return setting.parse(given);
  if (setting.fallback === undefined) throw new Error("is required and not set");
  return setting.fallback;
}

function sourceName(
  setting: Setting<unknown>,
  env: ConfigSources["env"],
  yaml: ReadonlyMap<string, unknown>,
): string {
  if (env[setting.env] !== undefined) return setting.env;
  if (env[`${setting.env}_FILE`] !== undefined) return `${setting.env}_FILE`;
  return setting.yaml !== undefined && yaml.has(setting.yaml)
    ? `config.yaml: ${setting.yaml}`
    : setting.env;
}

/** Leaves of config.yaml by dotted path, "${NAME}" replaced from the environment. Lists count as leaves. */
function flatYaml(sources: ConfigSources, problems: string[]): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  if (sources.yaml === undefined) return leaves;
  let root: unknown;
  try {
    root = parseYaml(sources.yaml);
  } catch (error) {
    problems.push(`config.yaml: ${(error as Error).message}`);
    return leaves;
  }
  const isSection = typeof root === "object" && root !== null && !Array.isArray(root);
  if (isSection) walk(root, "");
  else if (root !== null && root !== undefined)
    problems.push("config.yaml: must hold settings by name");
  return leaves;

  function walk(value: unknown, path: string): void {
    const members =
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.entries(value)
        : undefined;
    if (members && (members.length > 0 || path === "")) {
      for (const [key, inner] of members) walk(inner, path === "" ? key : `${path}.${key}`);
    } else if (members || value === null || value === undefined) {
      // A name without a value says nothing, but must be a name that exists.
      leaves.set(path, undefined);
    } else {
      leaves.set(path, typeof value === "string" ? expand(value, path) : value);
    }
  }

  function expand(text: string, path: string): string {
    return expandVariables(text, sources.env, (name) =>
      problems.push(`config.yaml: ${path}: environment variable ${name} is not set`),
    );
  }
}

/** Text with each "${NAME}" replaced from the environment. */
export function expandVariables(
  text: string,
  env: ConfigSources["env"],
  onUnset: (name: string) => void,
): string {
  return text.replace(/\$\{([A-Z0-9_]+)\}/g, (_, name: string) => {
    const value = env[name];
    if (value === undefined) onUnset(name);
    return value ?? "";
  });
}
