import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

import { hasDebianTools, onPath, unpackDebianPackages } from "./debian.ts";
import { EngineError } from "./engine.ts";

const run = promisify(execFile);

export type RedisBinary = { readonly file: string; readonly env: NodeJS.ProcessEnv };

const OLDEST_MAJOR = 7;

/** Debian's server with the libraries that a machine without Redis lacks. */
const PACKAGES = [
  ...["redis-server", "redis-tools", "libjemalloc2", "liblua5.1-0", "liblzf1"],
  ...["lua-cjson", "lua-bitop"],
];

/**
 * Finds a server of at least version 7 on PATH, or unpacks Debian's under `<enginesDir>/redis`.
 *
 * @throws EngineError naming the one command to run where neither is possible.
 */
export async function findRedis(options: {
  readonly enginesDir: string;
  readonly onProgress?: (line: string) => void;
}): Promise<RedisBinary> {
  for (const name of ["redis-server", "valkey-server"]) {
    const file = onPath(name);
    if (file !== undefined && (await isRecent(file))) return { file, env: {} };
  }
  if (!hasDebianTools()) {
    throw new EngineError(
      `There is no redis-server ${String(OLDEST_MAJOR)} or newer, and no valkey-server, on PATH`,
      `Run: ${installCommand()}`,
    );
  }
  const tree = await unpackDebianPackages({
    packages: PACKAGES,
    targetDir: join(options.enginesDir, "redis"),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  });
  const inherited = process.env["LD_LIBRARY_PATH"];
  const libraries = inherited === undefined ? tree.libraryPath : `${tree.libraryPath}:${inherited}`;
  return { file: tree.program("redis-server"), env: { LD_LIBRARY_PATH: libraries } };
}

/** `Redis server v=7.0.15 …`, `Valkey server v=8.0.1 …`, or `Server v=…`. */
async function isRecent(file: string): Promise<boolean> {
  try {
    const { stdout } = await run(file, ["--version"]);
    return Number(/v=(\d+)/.exec(stdout)?.[1] ?? 0) >= OLDEST_MAJOR;
  } catch {
    // A broken installation counts as none.
    return false;
  }
}

function installCommand(): string {
  if (process.platform === "darwin") return "brew install redis";
  if (onPath("dnf") !== undefined) return "sudo dnf install valkey";
  if (onPath("apk") !== undefined) return "sudo apk add redis";
  if (onPath("pacman") !== undefined) return "sudo pacman -S valkey";
  return "your package manager's install command for redis or valkey";
}
