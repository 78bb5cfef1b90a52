import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { EngineError } from "../engine.ts";
import type { Account, CommandLine } from "./account.ts";
import type { PostgresBinaries } from "./binaries.ts";

export const DATABASE = "gatewayops";
export const SUPERUSER = "gatewayops";

/** A cluster on disk that is ready to be started. */
export type Cluster = { readonly directory: string; readonly password: string };

/**
 * Returns the cluster in `<dataDir>/cluster`, made first when it is missing: initdb with a generated
 * password (kept in `<dataDir>/password`, mode 0600) and the database `gatewayops`.
 *
 * A new cluster is built beside its place and then renamed, so a start that was interrupted is
 * simply repeated. The caller holds the directory's lock.
 */
export function prepareCluster(options: {
  readonly dataDir: string;
  readonly binaries: PostgresBinaries;
  readonly account: Account | undefined;
  readonly onProgress?: (line: string) => void;
}): Cluster {
  const directory = join(options.dataDir, "cluster");
  const passwordFile = join(options.dataDir, "password");
  for (const name of readdirSync(options.dataDir)) {
    if (name.startsWith("cluster.new-")) rmSync(join(options.dataDir, name), { recursive: true });
  }
  if (existsSync(directory)) return { directory, password: readPassword(passwordFile) };

  options.onProgress?.("initialising PostgreSQL");
  const password = randomBytes(18).toString("base64url");
  rmSync(passwordFile, { force: true });
  writeFileSync(passwordFile, password + "\n", { mode: 0o600 });
  const draft = join(options.dataDir, `cluster.new-${String(process.pid)}`);
  mkdirSync(draft, { mode: 0o700 });
  const { account } = options;
  if (account !== undefined) {
    for (const path of [passwordFile, draft]) chownSync(path, account.uid, account.gid);
  }

  run(options, options.binaries.initdb, initdbArgs(draft, passwordFile), "");
  // Single-user mode: no server, no client and no port are needed to make one database.
  const single = ["--single", "-D", draft, "-c", "log_min_messages=fatal", "postgres"];
  run(options, options.binaries.postgres, single, `CREATE DATABASE ${DATABASE}\n`);
  renameSync(draft, directory);
  return { directory, password };
}

function initdbArgs(directory: string, passwordFile: string): string[] {
  return [
    ...[`--pgdata=${directory}`, `--username=${SUPERUSER}`, "--auth=scram-sha-256"],
    ...[`--pwfile=${passwordFile}`, "--encoding=UTF8", "--no-locale", "--no-instructions"],
    // Flushing the template files one by one takes seconds and is made up for by the first checkpoint.
    "--no-sync",
  ];
}

function run(
  options: { readonly account: Account | undefined; readonly dataDir: string },
  file: string,
  args: readonly string[],
  input: string,
): void {
  const command: CommandLine = options.account?.command(file, args) ?? { file, args };
  const result = spawnSync(command.file, command.args, {
    input,
    cwd: "/",
    encoding: "utf8",
    env: serverEnv(),
    ...(command.uid === undefined ? {} : { uid: command.uid }),
    ...(command.gid === undefined ? {} : { gid: command.gid }),
  });
  // Single-user mode exits with 0 even after an error in its input.
  const failed = result.status !== 0 || /^.*\b(ERROR|FATAL|PANIC):/m.test(result.stderr);
  if (!failed) return;
  const detail = result.error?.message ?? `${result.stderr}${result.stdout}`.trim();
  throw new EngineError(
    `PostgreSQL cannot be initialised in ${options.dataDir}: ${detail}`,
    `Check that the disk has room and that ${options.dataDir} is writable, then start again.`,
    { cause: result.error },
  );
}

/** The environment without the settings of a client (PGDATA, PGPORT, …) and with a plain locale. */
export function serverEnv(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(inherited), LC_ALL: "C", TZ: "UTC" };
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new EngineError(
      `PostgreSQL: the cluster's password file ${file} cannot be read`,
      "Restore the file, or remove its directory to begin with an empty database.",
      { cause: error },
    );
  }
}
