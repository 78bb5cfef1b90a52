import { hasDebianTools, onPath, unpackDebianPackages } from "@gatewayops/engines/debian";
import { runToEnd } from "./child.ts";
import { BenchError } from "./bench-error.ts";

/** A program and the environment it needs. */
export type Program = { readonly file: string; readonly env: NodeJS.ProcessEnv };
export type Programs = { readonly wrk: Program; readonly nginx: Program };

const PACKAGES = ["wrk", "nginx", "libluajit-5.1-2"];

/** Finds wrk and nginx: Debian's, unpacked privately, so that everyone measures against the same; else those on PATH. */
export async function findPrograms(options: {
  readonly directory: string;
  readonly say: (line: string) => void;
}): Promise<Programs> {
  if (hasDebianTools()) {
    const tree = await unpackDebianPackages({
      packages: PACKAGES,
      targetDir: options.directory,
      onProgress: options.say,
    });
    const env = { ...process.env, LD_LIBRARY_PATH: tree.libraryPath };
    return {
      wrk: { file: tree.program("wrk"), env },
      nginx: { file: tree.program("nginx"), env },
    };
  }
  return { wrk: programOnPath("wrk"), nginx: programOnPath("nginx") };
}

/** What a program says of its version; nginx writes it to stderr, wrk ends with 1. */
export async function versionOf(program: Program): Promise<string> {
  const { stdout, stderr } = await runToEnd(program.file, ["-v"], { env: program.env });
  const line = (stdout + stderr).split("\n")[0] ?? "";
  return line.replace(/^nginx version: /, "").replace(/ Copyright.*$/, "");
}

function programOnPath(name: string): Program {
  const file = onPath(name);
  if (file === undefined)
    throw new BenchError(
      `${name} is not on PATH and there is no apt-get to fetch it`,
      `Install ${name} with this system's package manager.`,
    );
  return { file, env: process.env };
}
