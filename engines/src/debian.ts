import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { mkdtempSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";

import { EngineError } from "./engine.ts";

const run = promisify(execFile);

/** Directories of Debian packages unpacked privately. */
export type DebianTree = {
  readonly directory: string;
  /** Full path of a program of these packages. Throws EngineError when none has it. */
  program(name: string): string;
  /** Value for LD_LIBRARY_PATH under which the programs find the packages' libraries. */
  readonly libraryPath: string;
};

export type UnpackOptions = {
  /** Package names; dependencies are not followed, name each library that is needed. */
  readonly packages: readonly string[];
  /** Becomes the root of the unpacked files. Replaced when it holds another set of packages. */
  readonly targetDir: string;
  readonly onProgress?: (line: string) => void;
};

const MARKER = ".packages.json";

/** True where `unpackDebianPackages` can work: apt-get and dpkg are on PATH. */
export function hasDebianTools(): boolean {
  return onPath("apt-get") !== undefined && onPath("dpkg") !== undefined;
}

/**
 * Downloads Debian packages with apt's own sources and keys and unpacks them into `targetDir`.
 *
 * Nothing is installed and root is not needed: apt gets its own lists and cache. The work happens
 * in a directory beside the target which is then renamed, so an interrupted run leaves nothing
 * half-done and of two runs at once one wins. Done already: returns at once, offline.
 *
 * @throws EngineError without apt, or when the download fails.
 */
export async function unpackDebianPackages(options: UnpackOptions): Promise<DebianTree> {
  const wanted = JSON.stringify([...options.packages].sort());
  if (markerOf(options.targetDir) === wanted) return treeOf(options.targetDir);
  if (!hasDebianTools()) {
    throw new EngineError(
      `The packages ${options.packages.join(", ")} cannot be unpacked: there is no apt-get here`,
      `Install ${options.packages[0] ?? "them"} with this system's package manager.`,
    );
  }
  const say = options.onProgress ?? (() => undefined);
  mkdirSync(dirname(options.targetDir), { recursive: true });
  const work = mkdtempSync(`${options.targetDir}.unpacking-`);
  try {
    await download(options.packages, work, say);
    const root = join(work, "root");
    mkdirSync(root);
    for (const file of readdirSync(work).filter((name) => name.endsWith(".deb"))) {
      await run("dpkg", ["-x", join(work, file), root]);
    }
    writeFileSync(join(root, MARKER), wanted);
    putInPlace(root, options.targetDir, wanted);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return treeOf(options.targetDir);
}

/** Full path of a program on PATH, or undefined. */
export function onPath(name: string): string | undefined {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory, name);
    if (directory !== "" && isExecutable(path)) return path;
  }
  return undefined;
}

async function download(
  packages: readonly string[],
  work: string,
  say: (line: string) => void,
): Promise<void> {
  const lists = join(work, "lists");
  const cache = join(work, "cache");
  mkdirSync(join(lists, "partial"), { recursive: true });
  mkdirSync(join(cache, "archives", "partial"), { recursive: true });
  const args = [
    ...["-o", `Dir::State::Lists=${lists}`, "-o", `Dir::Cache=${cache}`],
    // As root apt would otherwise become user _apt, who may not enter this directory.
    ...["-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"],
    ...["-o", "Acquire::Retries=3", "-o", "Debug::NoLocking=1", "-qq"],
  ];
  try {
    say("reading Debian's package lists");
    await run("apt-get", [...args, "update"], { cwd: work, env: aptEnv() });
    say(`downloading ${packages.join(", ")}`);
    await run("apt-get", [...args, "download", ...packages], { cwd: work, env: aptEnv() });
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr ?? "";
    const cause = stderr.split("\n").find((line) => line.startsWith("E:")) ?? String(error);
    throw new EngineError(
      `Debian packages ${packages.join(", ")} cannot be downloaded: ${cause}`,
      "Check this machine's network and apt sources (apt-get update), then start again.",
      { cause: error },
    );
  }
}

function aptEnv(): NodeJS.ProcessEnv {
  return { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
}

/** Renames `root` to `target`, or leaves a target that another run has put there meanwhile. */
function putInPlace(root: string, target: string, wanted: string): void {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    if (markerOf(target) === wanted) return;
    rmSync(target, { recursive: true, force: true });
    try {
      renameSync(root, target);
      return;
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== "ENOTEMPTY" && code !== "EEXIST") throw error;
    }
  }
  throw new EngineError(`${target} cannot be replaced`, `Remove ${target} and start again.`);
}

function treeOf(directory: string): DebianTree {
  const libraries = ["usr/lib", "lib"].flatMap((lib) =>
    [join(directory, lib), ...tripletsIn(join(directory, lib))].filter((path) => existsSync(path)),
  );
  return {
    directory,
    libraryPath: libraries.join(delimiter),
    program(name) {
      for (const bin of ["usr/bin", "usr/sbin", "bin", "sbin"]) {
        const path = join(directory, bin, name);
        if (isExecutable(path)) return path;
      }
      throw new EngineError(
        `${directory} has no program ${name}`,
        `Remove ${directory} and start again.`,
      );
    },
  };
}

/** Multiarch folders, such as usr/lib/x86_64-linux-gnu. */
function tripletsIn(lib: string): string[] {
  if (!existsSync(lib)) return [];
  return readdirSync(lib)
    .filter((name) => /-linux-gnu/.test(name))
    .map((name) => join(lib, name));
}

function markerOf(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, MARKER), "utf8");
  } catch {
    // Not unpacked yet.
    return undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Missing, or not ours to run.
    return false;
  }
}
